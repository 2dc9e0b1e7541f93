/** The package as a stranger installs it: packed by the README's command, with no registry to reach. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS, hookTimeout: MANY_STEPS_TIMEOUT_MS });

const NAME = '@pulse-metering/client';

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

let folder: string;
let packed: Packed;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulse-client-'));
  const args = ['pack', '-w', 'clients/typescript', '--json', '--pack-destination', folder];
  // The build prints before npm does.
  const printed = npm(args, process.cwd());
  [packed] = JSON.parse(printed.slice(printed.search(/^\[/m))) as [Packed];
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  npm(['install', '--offline', `./${packed.filename}`], folder);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('it holds its programs, their types, the README and the licence, and nothing else', () => {
  const paths = packed.files.map(({ path }) => path);
  const programs = paths.filter((path) => path.startsWith('dist/'));
  expect(paths.filter((path) => !programs.includes(path)).sort()).toEqual([
    'LICENSE',
    'README.md',
    'package.json',
  ]);
  expect(programs).toContain('dist/pulse-client.js');
  expect(programs).toContain('dist/pulse-client.d.ts');
  expect(programs.filter((path) => !/^dist\/[a-z-]+\.(js|d\.ts)$/.test(path))).toEqual([]);
});

test('it depends on no other package, and the README installs what was packed', () => {
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dependencies?: object }>;
  };
  expect(Object.keys(lock.packages)).toEqual(['', `node_modules/${NAME}`]);
  expect(lock.packages[`node_modules/${NAME}`]).not.toHaveProperty('dependencies');
  const readme = readFileSync(join(folder, 'node_modules', NAME, 'README.md'), 'utf8');
  expect(readme).toContain('npm pack -w clients/typescript');
  expect(readme).toContain(`npm install /path/to/pulse/${packed.filename}\n`);
});

test('a program that imports it runs', () => {
  const program = `
    import { createPulseClient, MeterFullError } from '${NAME}';
    const meter = createPulseClient({ url: 'http://127.0.0.1:1' }).meter({ bufferSizeMax: 1 });
    const pulse = { tenant: 'a', product_sku: 'b', use_unity: 'c', used_amount: '1' };
    meter.record(pulse);
    try { meter.record(pulse); } catch (error) { console.log(error instanceof MeterFullError); }
    console.log((await meter.close(50)).length);`;
  writeFileSync(join(folder, 'program.js'), program);
  expect(run(process.execPath, ['program.js'], folder)).toBe('true\n1\n');
});

test('a program in TypeScript that imports it is checked against its types', () => {
  const program = `
    import { createPulseClient, type Pulse, type UsageRow } from '${NAME}';
    const client = createPulseClient({ url: 'http://127.0.0.1:1', token: 'key' });
    const pulse: Pulse = { tenant: 'a', product_sku: 'b', use_unity: 'c', used_amount: 1n };
    export const id: string = client.meter().record(pulse);
    export async function rows(): Promise<UsageRow[]> {
      const found: UsageRow[] = [];
      for await (const row of client.usage.rows({ window: 'day' })) found.push(row);
      return found;
    }
    // @ts-expect-error There is no such window.
    void client.usage.page({ window: 'week' });`;
  expect(compile(program)).toBe('');
});

/** What the compiler says about a program, in the strictest way and with the libraries' own types checked. */
function compile(program: string): string {
  writeFileSync(join(folder, 'program.ts'), program);
  const options = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
  const target = ['--target', 'es2022', '--module', 'nodenext', '--lib', 'es2022,dom'];
  const tsc = resolve('node_modules/typescript/bin/tsc');
  try {
    return run(process.execPath, [tsc, '--noEmit', ...options, ...target, 'program.ts'], folder);
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

/** Runs npm with an empty cache and a registry that does not answer, whatever npm started the tests. */
function npm(args: readonly string[], cwd: string): string {
  const nowhere = ['--registry', 'http://127.0.0.1:1', '--cache', join(folder, 'cache')];
  return run('npm', [...args, ...nowhere, '--no-audit', '--no-fund'], cwd);
}

function run(program: string, args: readonly string[], cwd: string): string {
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'));
  return execFileSync(program, args, {
    cwd,
    env: Object.fromEntries(env),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

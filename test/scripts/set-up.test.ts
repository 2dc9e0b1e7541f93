import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

/** Installs like npm: without development dependencies if NODE_ENV is `production` and nothing includes them. */
const NPM = `#!/usr/bin/env node
const { appendFileSync, existsSync, mkdirSync, writeFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync('npm.log', args.join(' ') + '\\n');
const compiler = 'node_modules/typescript-7/package.json';
if (args[0] === 'ci') {
  mkdirSync('node_modules/typescript-7', { recursive: true });
  if (process.env.NODE_ENV !== 'production' || args.includes('--include=dev')) {
    writeFileSync(compiler, '{}');
  }
  writeFileSync('node_modules/.package-lock.json', '{}');
} else {
  if (!existsSync(compiler)) { console.error('sh: 1: tsc: not found'); process.exit(127); }
  mkdirSync('dist', { recursive: true });
}
`;

/** A clone with nothing installed, and a stand-in for npm. */
function makeClone(): string {
  const clone = mkdtempSync(join(tmpdir(), 'pulse-set-up-'));
  onTestFinished(() => {
    rmSync(clone, { recursive: true, force: true });
  });
  for (const folder of ['scripts', 'src', 'web', 'bin']) mkdirSync(join(clone, folder));
  for (const name of [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ]) {
    writeFileSync(join(clone, name), name === 'package.json' ? '{"type":"module"}' : '{}');
  }
  cpSync('scripts/set-up.js', join(clone, 'scripts/set-up.js'));
  writeFileSync(join(clone, 'bin/npm'), NPM, { mode: 0o755 });
  writeFileSync(join(clone, 'bin/package.json'), '{"type":"commonjs"}');
  return clone;
}

async function setUp(clone: string, env: Readonly<Record<string, string>>): Promise<string[]> {
  const path = [join(clone, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter);
  const script = 'import { setUp } from "./scripts/set-up.js"; await setUp();';
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: clone,
    env: { PATH: path, ...env },
  });
  return readFileSync(join(clone, 'npm.log'), 'utf8').trimEnd().split('\n');
}

test('a bare clone is installed with the compiler and built, whatever NODE_ENV is', async () => {
  for (const env of [{}, { NODE_ENV: 'production' }]) {
    const ran = await setUp(makeClone(), env);
    expect(ran.map((line) => line.split(' ')[0])).toEqual(['ci', 'run']);
  }
});

test('a clone that was installed without the compiler is installed again', async () => {
  const clone = makeClone();
  mkdirSync(join(clone, 'node_modules'));
  writeFileSync(join(clone, 'node_modules/.package-lock.json'), '{}');
  expect(await setUp(clone, {})).toHaveLength(2);
});

test('a clone that is installed and built is not touched', async () => {
  const clone = makeClone();
  const first = await setUp(clone, {});
  expect(await setUp(clone, { NODE_ENV: 'production' })).toEqual(first);
});

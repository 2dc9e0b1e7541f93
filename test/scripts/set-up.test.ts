import { execFile, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { processIdentity } from '../../src/private-servers/process-identity.ts';
import { eventually } from '../support/eventually.ts';

/** Installs like npm: without development dependencies if NODE_ENV is `production` and nothing includes them. */
const NPM = `#!/usr/bin/env node
const { appendFileSync, existsSync, mkdirSync, writeFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync('npm.log', args.join(' ') + '\\n');
if (args[0] === process.env.FAILS) process.exit(3);
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

/** @param before Code that runs first. */
function command(before = ''): string[] {
  const script = `${before} import { setUp } from "./scripts/set-up.js"; await setUp();`;
  return ['--input-type=module', '-e', script];
}

function optionsOf(clone: string, env: Readonly<Record<string, string>> = {}) {
  const path = [join(clone, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter);
  return { cwd: clone, env: { PATH: path, ...env } };
}

async function setUp(
  clone: string,
  env: Readonly<Record<string, string>>,
  before?: string,
): Promise<string[]> {
  // A set-up that waits for ever is ended, and fails the test.
  const options = { ...optionsOf(clone, env), timeout: 10_000 };
  await promisify(execFile)(process.execPath, command(before), options);
  return readFileSync(join(clone, 'npm.log'), 'utf8').trimEnd().split('\n');
}

/** @param text Of the lock that somebody else has taken, or has left behind. */
function makeLockedClone(text: string): string {
  const clone = makeClone();
  mkdirSync(join(clone, '.pulse'));
  writeFileSync(join(clone, '.pulse/setup.lock'), text);
  return clone;
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

test('a set-up that fails says so and leaves no lock', async () => {
  const clone = makeClone();
  await expect(setUp(clone, { FAILS: 'run' })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('`npm run --silent build` failed with exit code 3.') as string,
  });
  expect(existsSync(join(clone, '.pulse/setup.lock'))).toBe(false);
});

test.each([
  ['without a start time', String(process.pid)],
  ['of an earlier process with the pid of a live one', `${process.pid} an-earlier-start`],
  ['of a process that has ended', '4194305 a-start'],
  ['that is no lock', 'nonsense'],
])('a lock %s is taken over', async (_which, text) => {
  expect(await setUp(makeLockedClone(text), {})).toHaveLength(2);
});

test('a lock with the own pid, as after a reboot, is taken over', async () => {
  const before =
    'import { writeFileSync } from "node:fs"; writeFileSync(".pulse/setup.lock", `${process.pid} an-earlier-start`);';
  expect(await setUp(makeLockedClone(''), {}, before)).toHaveLength(2);
});

test('an empty lock, which a crash has left, is taken over after a moment', async () => {
  expect(await setUp(makeLockedClone(''), {})).toHaveLength(2);
});

test('who waits for another set-up says for which process', async () => {
  const clone = makeLockedClone(`${process.pid} ${processIdentity(process.pid)}`);
  const child = spawn(process.execPath, command(), optionsOf(clone));
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  await eventually(() => said).toContain(`Waiting for process ${process.pid}`);
  expect(existsSync(join(clone, 'npm.log'))).toBe(false);
  rmSync(join(clone, '.pulse/setup.lock'));
  await eventually(() => child.exitCode).toBe(0);
  expect(said.match(/Waiting/g)).toHaveLength(1);
});

/** Errors that a person meets before anything works: each is one sentence, not a stack trace and not silence. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS, runPulse, startPulse } from '../support/pulse-process.ts';
import { noProcessIsLeft, openDirectory } from './left-behind.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

test('a port in use ends `pulse start` before it starts private servers', async () => {
  const cwd = openDirectory();
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const env = { API_PORT: String(port), METRICS_PORT: '0' };
  const { exitCode, stderr } = await runPulse(['start'], { cwd, env });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(new RegExp(`^pulse: Port ${port} is in use by .*set API_PORT`));
  expect(existsSync(join(cwd, '.pulse'))).toBe(false);
});

test('a folder that is not writable is reported in one sentence', async () => {
  const cwd = openDirectory();
  // Root may write anywhere, but not below a file.
  writeFileSync(join(cwd, '.pulse'), '');
  const env = { API_PORT: '0', METRICS_PORT: '0' };
  for (const args of [['start'], ['services', 'up'], ['demo']]) {
    const { exitCode, stderr } = await runPulse(args, { cwd, env });
    expect(exitCode, args.join(' ')).toBe(1);
    const lines = stderr.split('\n').filter((line) => line.startsWith('pulse: '));
    expect(lines, stderr).toHaveLength(1);
    expect(lines[0]).toMatch(/cannot keep their files in .*Run Pulse in a folder/);
    expect(stderr).not.toContain('    at ');
  }
});

test('a file in place of the folder of private servers is one sentence for every command', async () => {
  const cwd = openDirectory();
  writeFileSync(join(cwd, '.pulse'), '');
  for (const args of [['services', 'status'], ['services', 'down'], ['verify']]) {
    const { exitCode, stderr } = await runPulse(args, { cwd });
    expect(exitCode, args.join(' ')).toBe(1);
    expect(stderr).toMatch(
      /^pulse: Private servers cannot use \S+ \(ENOTDIR\)\. .*Remove it, or.*\.\n$/,
    );
  }
});

test('a state file that this user may not read is one sentence', () => {
  const cwd = openDirectory();
  writeFileSync(join(cwd, 'running.json'), '{}', { mode: process.getuid?.() === 0 ? 0o600 : 0 });
  // Root may read every file, so it becomes another user, after it has loaded the code.
  const script = `
    const { findRunningInstance } = await import(${JSON.stringify(resolve('dist/private-servers/instance.js'))});
    if (process.getuid() === 0) process.setuid(65534);
    try { findRunningInstance(${JSON.stringify(cwd)}) } catch (error) { console.log(error.message) }`;
  const args = ['--input-type=module', '--eval', script];
  const { stdout } = spawnSync(process.execPath, args, { cwd: '/', encoding: 'utf8' });
  expect(stdout).toMatch(/^Private servers cannot use \S+ \(EACCES\)\. .*Run Pulse as.*\.\n$/);
});

test.each([
  ['settings.json', '', ['services', 'up'], /restore it from a backup, or/],
  ['settings.json', '{"id":"a"}', ['services', 'up'], /restore it from a backup, or/],
  ['api-credentials.json', '', ['start'], /Remove it: the next start/],
  ['api-credentials.json', '{}', ['start'], /Remove it: the next start/],
  ['webhook-secret-keys', '', ['start'], /restore it from a backup, or/],
])('a broken %s (%j) is one sentence', async (name, content, args, fix) => {
  const cwd = openDirectory();
  mkdirSync(join(cwd, '.pulse/services'), { recursive: true });
  writeFileSync(join(cwd, '.pulse/services', name), content);
  const env = { API_PORT: '0', METRICS_PORT: '0', LOG_LEVEL: 'warn' };
  const { exitCode, stderr } = await runPulse(args, { cwd, env });
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`${name} is empty or broken. `);
  expect(stderr).toMatch(fix);
  expect(stderr).not.toContain('    at ');
  await noProcessIsLeft(cwd);
});

/** As on a full disk: files can be created, but nothing can be written to them. */
const ON_FULL_DISK = ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath];

test('credentials that cannot be written leave no empty file, but say why', () => {
  const kept = join(openDirectory(), 'services');
  const script = `
    const { storedCredentials } = await import(${JSON.stringify(resolve('dist/cli/servers.js'))});
    try { storedCredentials(${JSON.stringify(kept)}) } catch (error) { console.log(error.message) }`;
  const args = [...ON_FULL_DISK, '--input-type=module', '--eval', script];
  const { stdout } = spawnSync('sh', args, { cwd: '/', encoding: 'utf8' });
  expect(stdout).toMatch(/^Private servers cannot use \S+ \(EFBIG\)\. The disk is full.*\.\n$/);
  expect(readdirSync(kept)).toEqual([]);
});

test('a full disk at the start is said in one sentence, and leaves no lock', async () => {
  const cwd = openDirectory();
  const program = { command: 'sh', args: [...ON_FULL_DISK, resolve('dist/main.js')] };
  const { exitCode, stderr } = await runPulse(['services', 'up'], { cwd, program });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /^pulse: Private servers cannot use \S+ \(EFBIG\)\. The disk is full.*\.\n$/,
  );
  expect(readdirSync(join(cwd, '.pulse/services'))).toEqual(['guardian.log']);
});

test('closing the terminal stops the system cleanly, and then its servers', async () => {
  const cwd = openDirectory();
  const env = { API_PORT: '0', METRICS_PORT: '0', LOG_LEVEL: 'warn' };
  const system = startPulse(['start'], { cwd, env });
  await system.printed('Pulse is running');
  system.signal('SIGHUP');
  expect(await system.ended).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('Stopped.') as string,
  });
  await noProcessIsLeft(cwd);
});

const MANIFEST = {
  ...{ version: 1, report: 'usage', parameters: {}, tenants: null, as_of: '2026-01-01T00:00:00Z' },
  ...{ format: 'ndjson', gzip: false, spreadsheet: false, columns: [], rows: 0, sums: {} },
  ...{ bytes: 0, sha256: '0'.repeat(64) },
};

test.each([
  [['verify-export', 'none.csv'], 2, /^pulse: There is no file none\.csv\./],
  [['verify-export', 'alone.csv'], 2, /no manifest alone\.csv\.manifest\.json\. Get it with GET /],
  [['verify-export', 'folder'], 2, /^pulse: folder is a folder\. Name a file\./],
  [['verify-export', 'alone.csv', '--manifest', 'folder'], 2, /^pulse: folder is a folder\./],
  [
    ['verify-export', 'alone.csv', '--manifest', 'alone.csv'],
    2,
    /is not the manifest of an export/,
  ],
  [['verify-export', 'alone.csv', '--manifest', 'manifest.json'], 1, /Line 1 is not a JSON object/],
  [['export', 'usages', '--output', 'new.csv'], 2, /no report "usages"\. Did you mean usage\?/],
  [
    ['export', 'usage', '--output', 'none/new.csv'],
    2,
    /^pulse: --output: There is no folder none\./,
  ],
  [['export', 'usage', '--output', 'alone.csv/new'], 2, /--output: alone\.csv is not a folder\./],
  [['export', 'usage', '--output', 'folder', '--force'], 2, /--output: folder is a folder\./],
  [['export', 'usage', '--output', 'alone.csv'], 2, /alone\.csv exists\. Replace it with --force/],
  [['export', 'orders', '--from', '1.1.', '--output', 'new.csv'], 2, /--from: must be an RFC 3339/],
  [['exports', 'list', '--after', 'x'], 2, /^pulse: --after: is not a cursor/],
  [['exports', 'list', '--report', 'x'], 2, /Allowed choices are usage, pulses, /],
] as const)('%j ends with %i and a sentence', async (args, wanted, sentence) => {
  const cwd = openDirectory();
  writeFileSync(join(cwd, 'alone.csv'), 'a\r\n');
  writeFileSync(join(cwd, 'manifest.json'), JSON.stringify(MANIFEST));
  mkdirSync(join(cwd, 'folder'));
  const { exitCode, stdout, stderr } = await runPulse(args, { cwd });
  expect(stdout + stderr).toMatch(sentence);
  expect(stderr).not.toMatch(/unexpected error|E[A-Z]{4,}|    at /);
  expect(exitCode).toBe(wanted);
});

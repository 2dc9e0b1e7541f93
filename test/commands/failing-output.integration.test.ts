/** Standard output that cannot be written: a full disk, and a reader that has gone. */
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS, runPulse, startPulse } from '../support/pulse-process.ts';
import { useWorkflowsFixture } from '../workflows/workflows-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const fixture = useWorkflowsFixture();
const MAIN = resolve('dist/main.js');
const API_ENV = {
  ...{ LOG_LEVEL: 'debug', API_PORT: '0', METRICS_PORT: '0' },
  ...{ JWT_SECRET: 'a secret of thirty-two characters or more' },
  ...{ ADMIN_USERNAME: 'root', ADMIN_PASSWORD: 'correct horse battery' },
};
const FULL = 'pulse: Standard output cannot be written: ENOSPC';

/** Runs a command in the shell, where `pulse` is the program. The exit code is that of pulse. */
function inShell(line: string) {
  const args = [
    '-c',
    `set -o pipefail; pulse() { "${process.execPath}" "${MAIN}" "$@"; }; ${line}`,
  ];
  return runPulse([], { env: fixture.env, program: { command: 'bash', args } });
}

/** More than a pipe holds. */
const LARGE = Array.from({ length: 10_000 }, (_, n) => ({ a: n, b: 'some longer text' }));

test('a full disk is a sentence and exit code 1, and the CSV of a workflow can be printed again', async () => {
  const id = await fixture.insert(LARGE);
  const end = await inShell('pulse workflows consume > /dev/full');
  expect(end).toMatchObject({ exitCode: 1 });
  expect(end.stderr).toContain(FULL);
  expect(end.stderr).toContain(`To print its CSV again: pulse workflows show ${id} --csv`);
  expect(end.stderr).not.toContain('    at ');
  const again = await inShell(`pulse workflows show ${id} --csv`);
  expect(again.stdout).toMatch(/^a,b\r\n0,some longer text\r\n/);
  const { rows } = await fixture.pool.query('SELECT FROM audit_log WHERE subject = $1', [
    `consume workflow ${id}`,
  ]);
  expect(rows).toHaveLength(1);
});

test('so it is for the disk of --output, and no part of a file stays', async () => {
  const id = await fixture.insert(LARGE);
  const output = join(tmpdir(), `pulse-full-disk-${process.pid}.csv`);
  // Node ignores SIGXFSZ, so a write beyond the limit fails with EFBIG.
  const end = await inShell(`ulimit -f 64; pulse workflows consume --output ${output}`);
  expect(end).toMatchObject({ exitCode: 1 });
  expect(end.stderr).toContain('pulse: --output: The disk is full (EFBIG).');
  expect(end.stderr).toContain(`To print its CSV again: pulse workflows show ${id} --csv`);
  expect(end.stderr).not.toContain('    at ');
  await expect(stat(output)).rejects.toThrow('ENOENT');
  const { rows } = await fixture.pool.query('SELECT FROM audit_log WHERE subject = $1', [
    `consume workflow ${id}`,
  ]);
  expect(rows).toHaveLength(1);
});

test.each(['workflows list', 'retention --json', 'export usage --output usage.csv', '--version'])(
  'so it is for pulse %s',
  async (command) => {
    const end = await inShell(`pulse ${command} > /dev/full`);
    expect(end).toMatchObject({ exitCode: 1 });
    expect(end.stderr).toContain(FULL);
    expect(end.stderr).not.toContain('    at ');
  },
);

test('a process whose log is on a full disk works, and ends when it is told to', async () => {
  const env = { ...fixture.env, ...API_ENV };
  const line = `"${process.execPath}" "${MAIN}" api --json 2> /dev/full`;
  const api = startPulse([], { env, program: { command: 'bash', args: ['-c', `exec ${line}`] } });
  const { api: origin } = JSON.parse(await api.firstLine()) as { api: string };
  for (let count = 0; count < 20; count++) {
    expect((await fetch(`${origin}/api/v1/nothing`)).status).toBe(404);
  }
  api.signal('SIGTERM');
  expect((await api.ended).exitCode).toBe(0);
});

test('the exit code of a command that fails anyway stays', async () => {
  const end = await inShell('pulse workflows list --limit 0 > /dev/full');
  expect(end).toMatchObject({ exitCode: 2 });
});

test('a watch ends when nobody reads it any more, and with 1 when the disk is full', async () => {
  const unread = await inShell('pulse status --watch --json | head -1');
  expect(unread).toMatchObject({ exitCode: 0, stderr: '' });
  expect(JSON.parse(unread.stdout)).toHaveProperty('away');
  const full = await inShell('pulse status --watch > /dev/full');
  expect(full).toMatchObject({ exitCode: 1 });
  expect(full.stderr).toContain(FULL);
});

test('a reader that closes the pipe is no failure, and nothing is said about it', async () => {
  const id = await fixture.insert(LARGE);
  const end = await inShell('pulse workflows consume | head -1');
  expect(end).toMatchObject({ exitCode: 0, stdout: 'a,b\r\n' });
  expect(end.stderr.trim().split('\n')).toEqual([
    `${id} is consumed. Its steps: one`,
    `To print its CSV again: pulse workflows show ${id} --csv`,
  ]);
  expect((await fixture.ask('GET', `/workflow/${id}`)).body.status).toBe('consumed');
});

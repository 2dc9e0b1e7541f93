import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockHolder, releaseLock, takeLock } from '../../src/private-servers/directory-lock.ts';
import {
  isAlive,
  processIdentity,
  processTree,
} from '../../src/private-servers/process-identity.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pulse-test-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('is held by one, named to others, and free again afterwards', () => {
  expect(lockHolder(directory)).toBeNull();
  expect(takeLock(directory)).toBeNull();
  expect(takeLock(directory)?.pid).toBe(process.pid);
  expect(lockHolder(directory)?.pid).toBe(process.pid);
  releaseLock(directory);
  expect(takeLock(directory)).toBeNull();
  expect(readdirSync(directory)).toEqual(['guardian.lock']);
});

test.each([
  ['whose number another process has now', { pid: process.pid, identity: 'from another time' }],
  ['that is gone', { pid: 2 ** 22 + 1, identity: 'gone' }],
])('of a holder %s is taken over', (_, holder) => {
  writeFileSync(join(directory, 'guardian.lock'), JSON.stringify(holder));
  expect(lockHolder(directory)).toBeNull();
  expect(takeLock(directory)).toBeNull();
  expect(lockHolder(directory)?.pid).toBe(process.pid);
});

test('half written is taken over', () => {
  writeFileSync(join(directory, 'guardian.lock'), '{"pid":');
  expect(takeLock(directory)).toBeNull();
});

test('a process is itself for as long as it lives, and a zombie does not', async () => {
  const child = spawn('sleep', ['600']);
  await once(child, 'spawn');
  const pid = child.pid!;
  const identity = processIdentity(pid);
  expect(identity).not.toBeNull();
  expect(isAlive(pid, identity!)).toBe(true);
  expect(processTree(process.pid)).toContain(pid);
  process.kill(pid, 'SIGKILL');
  // Not yet collected by this process: the number still exists.
  await expect.poll(() => isAlive(pid, identity!)).toBe(false);
});

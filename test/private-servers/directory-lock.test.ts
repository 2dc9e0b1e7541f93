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
import { eventually } from '../support/eventually.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pulse-test-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('the lock has one holder, which others see, and is free after release', () => {
  expect(lockHolder(directory)).toBeNull();
  expect(takeLock(directory)).toBeNull();
  expect(takeLock(directory)?.pid).toBe(process.pid);
  expect(lockHolder(directory)?.pid).toBe(process.pid);
  releaseLock(directory);
  expect(takeLock(directory)).toBeNull();
  expect(readdirSync(directory)).toEqual(['guardian.lock']);
});

test.each([
  ['whose pid another process has now', { pid: process.pid, identity: 'from another time' }],
  ['that is gone', { pid: 2 ** 22 + 1, identity: 'gone' }],
])('a lock of a holder %s is taken over', (_, holder) => {
  writeFileSync(join(directory, 'guardian.lock'), JSON.stringify(holder));
  expect(lockHolder(directory)).toBeNull();
  expect(takeLock(directory)).toBeNull();
  expect(lockHolder(directory)?.pid).toBe(process.pid);
});

test('a half-written lock is taken over', () => {
  writeFileSync(join(directory, 'guardian.lock'), '{"pid":');
  expect(takeLock(directory)).toBeNull();
});

test('a process keeps its identity until it ends, and a zombie has none', async () => {
  const child = spawn('sleep', ['600']);
  await once(child, 'spawn');
  const pid = child.pid!;
  const identity = processIdentity(pid);
  expect(identity).not.toBeNull();
  expect(isAlive(pid, identity!)).toBe(true);
  expect(processTree(process.pid)).toContain(pid);
  process.kill(pid, 'SIGKILL');
  // This process has not reaped it yet, so the pid still exists.
  await eventually(() => isAlive(pid, identity!)).toBe(false);
});

import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { canSetDeathSignal } from '../../src/private-servers/supervisor.ts';
import { startServersChild, stillRunning, type ServersChild } from './servers-child.ts';
import { eventually } from '../support/eventually.ts';

const FOREVER = 'setInterval(() => undefined, 1000);';

describe('no process or file is left behind', () => {
  let parent: string;
  let directory: string;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'pulse-test-'));
    directory = join(parent, 'servers');
  });
  afterEach(() => {
    rmSync(parent, { recursive: true, force: true });
  });

  async function expectNothingLeft({ pids, postgresPlace }: ServersChild): Promise<void> {
    expect(pids.length).toBeGreaterThan(5);
    await eventually(() => stillRunning(pids)).toEqual([]);
    const isAnyLeft = () => existsSync(directory) || existsSync(postgresPlace);
    await eventually(isAnyLeft).toBe(false);
  }

  test('when the command is killed with SIGKILL', async () => {
    const child = await startServersChild({ directory, afterwards: FOREVER });
    child.process.kill('SIGKILL');
    await expectNothingLeft(child);
  });

  test('when Ctrl-C interrupts the whole process group', async () => {
    const child = await startServersChild({ directory, afterwards: FOREVER });
    process.kill(-child.process.pid!, 'SIGINT');
    await expectNothingLeft(child);
  });

  test('when the command throws', async () => {
    const child = await startServersChild({ directory, afterwards: `throw new Error('boom');` });
    await expectNothingLeft(child);
  });

  test('when the command ends without stopping the servers', async () => {
    const child = await startServersChild({ directory, afterwards: '' });
    if (child.process.exitCode === null) await once(child.process, 'exit');
    expect(child.process.exitCode).toBe(0);
    await expectNothingLeft(child);
  });

  test('when the guardian is killed with SIGKILL, and the command then stops', async () => {
    const child = await startServersChild({
      directory,
      afterwards: `process.once('SIGUSR2', () => void servers.stop());${FOREVER}`,
    });
    process.kill(child.guardianPid, 'SIGKILL');
    if (await canSetDeathSignal()) {
      // The kernel ends them, before the command notices.
      await eventually(() => stillRunning(child.pids)).toEqual([]);
    }
    process.kill(child.process.pid!, 'SIGUSR2');
    const isAnyLeft = () => existsSync(directory) || existsSync(child.postgresPlace);
    await eventually(isAnyLeft).toBe(false);
    child.process.kill('SIGKILL');
    for (const pid of child.pids) if (stillRunning([pid]).length > 0) process.kill(pid, 'SIGKILL');
  });
});

test('a signal that a terminal or service manager sends to every process does not stop the servers', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'pulse-test-'));
  const listens = join(parent, 'listens');
  const child = await startServersChild({
    directory: join(parent, 'servers'),
    // The command still needs its servers while it drains.
    afterwards: `process.on('SIGTERM', async () => {
      await servers.start('redis');
      console.log('still there');
      await servers.stop();
      process.exit(0);
    });
    (await import('node:fs')).writeFileSync(${JSON.stringify(listens)}, '');${FOREVER}`,
  });
  await eventually(() => existsSync(listens)).toBe(true);
  process.kill(child.guardianPid, 'SIGINT');
  process.kill(child.guardianPid, 'SIGTERM');
  expect(stillRunning([child.guardianPid])).toHaveLength(1);
  child.process.kill('SIGTERM');
  const [code] = (await once(child.process, 'exit')) as [number | null];
  expect(code).toBe(0);
  rmSync(parent, { recursive: true, force: true });
});

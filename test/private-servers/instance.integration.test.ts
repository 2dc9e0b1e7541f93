import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  attachInstance,
  downInstance,
  findRunningInstance,
  upInstance,
} from '../../src/private-servers/instance.ts';
import { signalOne } from '../../src/private-servers/process-ending.ts';
import { processTree } from '../../src/private-servers/process-identity.ts';
import { writeRunningState, type RunningState } from '../../src/private-servers/running-state.ts';
import { stillRunning } from './servers-child.ts';
import { eventually } from '../support/eventually.ts';

describe('the instance that keeps its files', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pulse-test-'));
  });
  afterEach(async () => {
    await downInstance(directory);
    rmSync(directory, { recursive: true, force: true });
  });

  test('outlives the command that started it, starts once, and keeps sums and rows across down and up', async () => {
    const [first, second] = await Promise.all([
      upInstance({ directory }),
      upInstance({ directory }),
    ]);
    expect([first.started, second.started].sort()).toEqual([false, true]);
    expect(first.state.env).toEqual(second.state.env);
    expect(statSync(join(directory, 'running.json')).mode & 0o777).toBe(0o600);
    await writeBoth(first.state);

    const pids = processTree(first.state.guardianPid);
    expect(await downInstance(directory)).toEqual({ outcome: 'stopped' });
    expect(stillRunning(pids)).toEqual([]);
    expect(findRunningInstance(directory)).toBeNull();
    expect(await downInstance(directory)).toEqual({ outcome: 'not_running' });

    const again = await upInstance({ directory });
    expect(again.started).toBe(true);
    expect(again.state.env).toEqual(first.state.env);
    expect(await readBoth(again.state)).toEqual({ sum: '42', rows: 1 });
  });

  test('when attached, can be used by other commands and ends with the command that started it', async () => {
    const owner = await attachInstance({ directory });
    const guest = await attachInstance({ directory });
    expect(owner.isOwner).toBe(true);
    expect(guest).toMatchObject({ isOwner: false, env: owner.env });
    await guest.stop();
    expect(findRunningInstance(directory)?.env).toEqual(owner.env);
    expect(await downInstance(directory)).toEqual({ outcome: 'attached', ownerPid: process.pid });

    await owner.stop();
    expect(findRunningInstance(directory)).toBeNull();
    expect(existsSync(join(directory, 'settings.json'))).toBe(true);
  });

  test('a copy of its folder neither uses nor stops it, and has servers and data of its own', async () => {
    chmodSync(directory, 0o755);
    const [original, copy, later, moved] = ['original', 'copy', 'later', 'moved'].map((name) =>
      join(directory, name),
    ) as [string, string, string, string];
    try {
      await writeBoth((await upInstance({ directory: original })).state);
      execFileSync('cp', ['-a', original, copy]);
      expect(findRunningInstance(copy)).toBeNull();
      expect(await downInstance(copy)).toEqual({ outcome: 'not_running' });
      expect(findRunningInstance(original)).not.toBeNull();

      await downInstance(original);
      execFileSync('cp', ['-a', original, later]);
      const { state } = await upInstance({ directory: later });
      expect(await readBoth(state)).toEqual({ sum: '42', rows: 1 });
      expect((await upInstance({ directory: original })).started).toBe(true);

      renameSync(later, moved);
      expect(findRunningInstance(moved)).toEqual(state);
      expect(await downInstance(moved)).toEqual({ outcome: 'stopped' });
    } finally {
      for (const path of [original, copy, later, moved]) await downInstance(path);
    }
  });

  test('ends when its folder is removed, and touches nothing in a new folder of that name', async () => {
    chmodSync(directory, 0o755);
    const removed = join(directory, 'removed');
    const { state } = await upInstance({ directory: removed });
    const pids = processTree(state.guardianPid);
    // Its servers may write a file while it is being removed.
    await eventually(() => {
      rmSync(removed, { recursive: true, force: true });
      return existsSync(removed);
    }).toBe(false);
    mkdirSync(removed);
    writeFileSync(join(removed, 'guardian.lock'), '{"pid":');
    writeFileSync(join(removed, 'running.json'), '{"guardianPid":');
    await eventually(() => stillRunning(pids), { timeout: 60_000 }).toEqual([]);
    expect(readFileSync(join(removed, 'guardian.lock'), 'utf8')).toBe('{"pid":');
    expect(readFileSync(join(removed, 'running.json'), 'utf8')).toBe('{"guardianPid":');
  });

  test('a state file left behind by a killed guardian is ignored', () => {
    const env = { RABBITMQ_URL: '', REDIS_URL: '', DATABASE_URL: '' };
    const stale: RunningState = {
      // Alive, but a different process, as if its pid had been reused.
      guardianPid: process.pid,
      guardianIdentity: 'another process',
      startedAt: '',
      env,
      attachedTo: null,
      processes: {},
      abandoned: {},
    };
    writeRunningState(directory, stale);
    expect(findRunningInstance(directory)).toBeNull();
  });

  test('starts again in a folder that only its owner can enter', async () => {
    // As root, Postgres then keeps its files elsewhere, because its user cannot enter.
    chmodSync(directory, 0o700);
    const closed = join(directory, 'services');
    try {
      await writeBoth((await upInstance({ directory: closed })).state);
      await downInstance(closed);
      const { state } = await upInstance({ directory: closed });
      expect(await readBoth(state)).toEqual({ sum: '42', rows: 1 });
    } finally {
      await downInstance(closed);
      rmSync(realpathSync(join(closed, 'postgres')), { recursive: true, force: true });
    }
  });

  test('starts again after its guardian was killed', async () => {
    const { state } = await upInstance({ directory });
    await writeBoth(state);
    const pids = processTree(state.guardianPid);
    // Every process: without the death signal, the servers would outlive the guardian.
    for (const pid of pids) signalOne(pid, 'SIGKILL');
    await eventually(() => stillRunning(pids)).toEqual([]);
    expect(findRunningInstance(directory)).toBeNull();
    const again = await upInstance({ directory });
    expect(again.started).toBe(true);
    expect(await readBoth(again.state)).toEqual({ sum: '42', rows: 1 });
    expect(readFileSync(join(directory, 'guardian.log'), 'utf8')).toBe('');
  });
});

async function writeBoth({ env }: RunningState): Promise<void> {
  const redis = new Redis(env.REDIS_URL);
  await redis.set('sum', '42');
  redis.disconnect();
  const client = new Client({ connectionString: env.DATABASE_URL });
  await client.connect();
  await client.query('CREATE TABLE kept AS SELECT 42 AS answer');
  await client.end();
}

async function readBoth({ env }: RunningState) {
  const redis = new Redis(env.REDIS_URL);
  const sum = await redis.get('sum');
  redis.disconnect();
  const client = new Client({ connectionString: env.DATABASE_URL });
  await client.connect();
  const { rowCount } = await client.query('SELECT answer FROM kept');
  await client.end();
  return { sum, rows: rowCount };
}

import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  downInstance,
  findRunningInstance,
  upInstance,
} from '../../src/private-servers/instance.ts';
import type { RunningState } from '../../src/private-servers/running-state.ts';
import { silentServers } from '../../src/private-servers/server-answers.ts';
import {
  startPrivateServers,
  type PrivateServers,
} from '../../src/private-servers/private-servers.ts';
import { lockHolder } from '../../src/private-servers/directory-lock.ts';
import { processTree } from '../../src/private-servers/process-identity.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

/** RabbitMQ takes many seconds on a busy machine. */
const RESTART = { timeout: 90_000 };

describe('a server that ends by itself', () => {
  let directory: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'pulse-test-'));
    await upInstance({ directory });
  });
  afterAll(async () => {
    await downInstance(directory);
    rmSync(directory, { recursive: true, force: true });
  });

  const stateNow = (): RunningState => findRunningInstance(directory)!;

  test.each(['rabbitmq', 'redis', 'postgres', 'epmd'])(
    'is started again after SIGKILL: %s',
    async (name) => {
      const before = stateNow().processes[name]!;
      process.kill(before, 'SIGKILL');
      const newPid = () => {
        const pid = stateNow().processes[name];
        return pid !== null && pid !== before;
      };
      await eventually(newPid, RESTART).toBe(true);
      await eventually(() => silentServers(stateNow().env), RESTART).toEqual([]);
      expect(stateNow().abandoned).toEqual({});
    },
  );

  test('is started again, and the others go on, while the state file cannot be written', async () => {
    const { guardianPid, processes } = stateNow();
    // As on a full disk, every attempt to write it fails.
    const obstacle = join(directory, 'running.json.new');
    mkdirSync(obstacle);
    const log = () => readFileSync(join(directory, 'guardian.log'), 'utf8');
    process.kill(processes.redis!, 'SIGKILL');
    await eventually(log).toContain('The state of the private servers is not up to date');
    expect(log()).toContain('EISDIR');
    await eventually(() => silentServers(stateNow().env), RESTART).toEqual([]);
    expect(stateNow()).toMatchObject({ guardianPid, processes });

    rmdirSync(obstacle);
    await eventually(() => stateNow().processes.redis).not.toBe(processes.redis);
    expect(stateNow()).toMatchObject({ processes: { postgres: processes.postgres } });
  });

  test('is no longer restarted when it ends again and again, until `up` tries again', async () => {
    const configFile = join(directory, 'redis', 'redis.conf');
    const config = readFileSync(configFile, 'utf8');
    appendFileSync(configFile, 'no-such-setting yes\n');
    process.kill(stateNow().processes.redis!, 'SIGKILL');
    await eventually(() => Object.keys(stateNow().abandoned), RESTART).toEqual(['redis']);
    expect(await silentServers(stateNow().env)).toEqual(['redis']);
    const sentence = stateNow().abandoned.redis!;
    expect(sentence).toMatch(/^The private redis server ended 7 times within 5 minutes, at last/);
    expect(sentence).toContain(join(directory, 'redis', 'redis.log'));
    expect(readFileSync(join(directory, 'guardian.log'), 'utf8')).toContain(sentence);

    await expect(upInstance({ directory })).rejects.toThrow(/is not started again/);
    writeFileSync(configFile, config);
    const revived = await upInstance({ directory });
    expect(revived.started).toBe(true);
    expect(revived.state.abandoned).toEqual({});
    expect(await silentServers(revived.state.env)).toEqual([]);
    expect(await upInstance({ directory })).toMatchObject({ started: false });
  });
});

test('temporary servers are started again too, unless a test has killed them', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'pulse-test-'));
  const directory = join(parent, 'servers');
  const notices: string[] = [];
  let servers: PrivateServers | undefined;
  try {
    servers = await startPrivateServers({
      directory,
      keepFiles: false,
      onProgress: (line) => notices.push(line),
    });
    const { env } = servers;
    await servers.kill('postgres');
    process.kill(pidOf(directory, 'redis-server'), 'SIGKILL');
    await eventually(() => notices).toEqual([
      'The private redis server ended (SIGKILL) and is started again.',
    ]);
    await eventually(() => silentServers(env), RESTART).toEqual(['postgres']);
    await servers.start('postgres');
    expect(await silentServers(env)).toEqual([]);
  } finally {
    await servers?.stop();
    rmSync(parent, { recursive: true, force: true });
  }
});

/** The first process below the guardian that runs the program. */
function pidOf(directory: string, program: string): number {
  const tree = processTree(lockHolder(directory)?.pid ?? 0);
  const isProgram = (pid: number) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]!.includes(program);
  return tree.find(isProgram)!;
}

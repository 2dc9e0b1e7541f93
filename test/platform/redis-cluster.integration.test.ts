import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ensureLibrary, libraryVersionIn, LIBRARY_VERSION } from '../../src/aggregate/library.ts';
import {
  createRedis,
  mastersOf,
  nodesOf,
  pingRedis,
  waitForRedis,
  type RedisClient,
} from '../../src/platform/redis.ts';
import { assertRedisIsSafe } from '../../src/aggregate/redis-durability.ts';
import type { Guardian } from '../../src/private-servers/guardian-client.ts';
import { guardCluster } from '../support/cluster-node.ts';
import { eventually } from '../support/eventually.ts';
import { startPrivateRedis } from '../support/private-redis.ts';
import { startRedisCluster, type RedisCluster, type RedisNode } from '../support/redis-cluster.ts';

const logger = pino({ level: 'silent' });
const clients: RedisClient[] = [];
let guardian: Guardian;
let cluster: RedisCluster;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pulse-redis-cluster-'));
  guardian = await guardCluster(directory);
  cluster = await startRedisCluster(guardian, { directory, masters: 3, replicas: 1 });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});
afterAll(() => guardian.stop());

async function connected(url = cluster.url): Promise<RedisClient> {
  const client = createRedis(url, { name: 'cluster test', logger });
  clients.push(client);
  await waitForRedis(client, { url, timeoutMs: 20_000, logger });
  return client;
}

/** The roles that the nodes report. */
const rolesOf = (nodes: readonly RedisNode[]) =>
  Promise.all(nodes.map((node) => node.with(async (redis) => (await redis.role())[0])));

describe('a client of a Redis Cluster', () => {
  test('finds every node from one of them, and uses all masters', async () => {
    const { href } = new URL(cluster.masters[1]!.url);
    const client = await connected(href.replace('redis:', 'redis+cluster:'));
    expect(mastersOf(client)).toHaveLength(3);
    for (let shard = 0; shard < 12; shard++) {
      await client.hset(`{${shard}}:books`, 'counted', shard);
      expect(await client.hget(`{${shard}}:books`, 'counted')).toBe(String(shard));
    }
    const keyCounts = await Promise.all(mastersOf(client).map((master) => master.dbsize()));
    expect(keyCounts.every((count) => count > 0)).toBe(true);
    expect(keyCounts.reduce((sum, count) => sum + count, 0)).toBe(12);
    // Clients see a replica only after it has received something.
    await eventually(() => nodesOf(client).length).toBe(4);
  });

  test('loads the functions into every master, and replicas receive them', async () => {
    const client = await connected();
    await ensureLibrary(client);
    for (const node of [...cluster.masters, ...cluster.replicas]) {
      const version = () => node.with((redis) => libraryVersionIn(redis));
      await eventually(version).toBe(LIBRARY_VERSION);
    }
  });

  test('never resends a command after its connection broke', async () => {
    const client = await connected();
    const key = '{0}:count';
    await client.set(key, 0);
    const paused = async (node: RedisNode) => {
      await node.with((redis) => redis.call('CLIENT', 'PAUSE', 60_000, 'WRITE'));
    };
    await Promise.all(cluster.masters.map(paused));
    const increment = client.incr(key);
    const failure = expect(increment).rejects.toThrow();
    // The outcome is in doubt only if the server received the command before the connection broke.
    const isHeld = (node: RedisNode) =>
      node.with(async (redis) => /blocked_clients:[1-9]/.test(await redis.info('clients')));
    const held = async () => (await Promise.all(cluster.masters.map(isHeld))).includes(true);
    await eventually(held).toBe(true);
    for (const node of cluster.masters) {
      await node.with((redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'normal'));
      await node.with((redis) => redis.call('CLIENT', 'UNPAUSE'));
    }
    await failure;
    await eventually(() => client.get(key).catch(() => undefined)).toBe('0');
  });

  test('is refused when any node, even a replica, may lose acknowledged data', async () => {
    const client = await connected();
    await expect(assertRedisIsSafe(client)).resolves.toBeUndefined();
    const [replica] = cluster.replicas;
    await replica!.with((redis) => redis.config('SET', 'appendfsync', 'everysec'));
    await expect(assertRedisIsSafe(client)).rejects.toMatchObject({
      code: 'PULSE_REDIS_UNSAFE',
      message: expect.stringContaining(new URL(replica!.url).host) as string,
    });
    await replica!.with((redis) => redis.config('SET', 'appendfsync', 'always'));
  });

  test('is not ready while a master is unavailable, and ready again once it is back', async () => {
    const client = await connected();
    const last = cluster.masters[2]!;
    await last.kill();
    await expect(pingRedis(client)).rejects.toThrow();
    await last.start();
    await waitForRedis(client, { url: cluster.url, timeoutMs: 20_000, logger });
    await expect(pingRedis(client)).resolves.toBeUndefined();
  });

  test('follows a failover to the replica, which has the functions', async () => {
    const client = await connected();
    await ensureLibrary(client);
    const [master] = cluster.masters;
    const [replica] = cluster.replicas;
    await master!.kill();
    await eventually(async () => (await rolesOf([replica!]))[0]).toBe('master');
    await waitForRedis(client, { url: cluster.url, timeoutMs: 20_000, logger });
    const answers = await Promise.all(mastersOf(client).map((node) => libraryVersionIn(node)));
    expect(answers).toEqual([LIBRARY_VERSION, LIBRARY_VERSION, LIBRARY_VERSION]);
    await master!.start();
    await eventually(async () => (await rolesOf([master!]))[0]).toBe('slave');
  });
});

describe('waitForRedis says what is wrong', () => {
  test('with the password of a cluster', async () => {
    const url = cluster.url.replace(/:[^:@]+@/, ':geheim@');
    await expect(connected(url)).rejects.toMatchObject({
      code: 'PULSE_REDIS_UNREACHABLE',
      message: expect.stringMatching(/refuses the user name or password(?!.*geheim)/) as string,
    });
  });

  test('with a cluster node used as a single server', async () => {
    await expect(connected(cluster.masters[0]!.url)).rejects.toThrow('use redis+cluster://');
  });

  test('with a single server used as a cluster', async () => {
    const single = await startPrivateRedis();
    const url = single.url.replace('redis:', 'redis+cluster:');
    await expect(connected(url)).rejects.toThrow('is not a cluster');
    await single.close();
  });
});

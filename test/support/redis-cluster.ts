/** A Redis Cluster on loopback, with the programs and settings of the private servers. */
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../src/private-servers/free-port.ts';
import type { Guardian } from '../../src/private-servers/guardian-client.ts';
import { findPrograms, usualSearch } from '../../src/private-servers/programs.ts';
import { createRedisServer } from '../../src/private-servers/redis-server.ts';
import { startNode, type ClusterNode } from './cluster-node.ts';
import { until } from './until.ts';

export interface RedisCluster {
  /** Lists every node; Pulse needs only one. */
  readonly url: string;
  /** In the order of their slots: with three masters, each has a third. */
  readonly masters: readonly RedisNode[];
  /** One each for the first masters. */
  readonly replicas: readonly RedisNode[];
}

export interface RedisNode extends ClusterNode {
  /** The port on which the nodes talk to each other. */
  readonly busPort: number;
  /** Runs `work` with a client of this node only. */
  with<T>(work: (redis: Redis) => Promise<T>): Promise<T>;
}

const SLOTS = 16_384;
/** A master that is silent for this long is replaced by its replica. */
const NODE_TIMEOUT_MS = 2_000;
const FORMED_TIMEOUT_MS = 60_000;

/** Starts the nodes and forms the cluster; resolves when every node reports it as complete. */
export async function startRedisCluster(
  guardian: Guardian,
  options: { directory: string; masters: number; replicas: number },
): Promise<RedisCluster> {
  const { redis: program, path } = await findPrograms(usualSearch());
  if (program === null) throw new Error('redis-server is not installed here.');
  const password = randomBytes(16).toString('hex');
  const start = async (name: string): Promise<RedisNode> => {
    const directory = join(options.directory, name);
    const port = await freePort();
    const busPort = await freePort();
    const server = createRedisServer({ directory, port, password, program, path });
    const own: Record<string, string> = {
      'cluster-enabled': 'yes',
      'cluster-port': String(busPort),
      'cluster-node-timeout': String(NODE_TIMEOUT_MS),
      // When a master fails, the shards of the others stay available.
      'cluster-require-full-coverage': 'no',
      masterauth: password,
    };
    const lines = Object.entries(own).map(([setting, value]) => `${setting} ${value}\n`);
    appendFileSync(join(directory, 'redis.conf'), lines.join(''));
    const node = await startNode(guardian, name, server);
    return { ...node, busPort, with: (work) => withNode(server.url, work) };
  };
  const names = (kind: string, count: number) =>
    Array.from({ length: count }, (_, index) => `redis-${kind}-${index + 1}`);
  const masters = await Promise.all(names('master', options.masters).map(start));
  const replicas = await Promise.all(names('replica', options.replicas).map(start));
  await form(masters, replicas);
  const hosts = [...masters, ...replicas].map(({ url }) => new URL(url).host);
  return { url: `redis+cluster://:${password}@${hosts.join(',')}`, masters, replicas };
}

async function form(masters: readonly RedisNode[], replicas: readonly RedisNode[]): Promise<void> {
  const all = [...masters, ...replicas];
  const ids = await Promise.all(
    masters.map((master, index) =>
      master.with(async (redis) => {
        const first = Math.ceil((SLOTS * index) / masters.length);
        const last = Math.ceil((SLOTS * (index + 1)) / masters.length) - 1;
        await redis.cluster('ADDSLOTSRANGE', first, last);
        for (const { url, busPort } of all) {
          await redis.call('CLUSTER', 'MEET', '127.0.0.1', new URL(url).port, busPort);
        }
        return redis.cluster('MYID');
      }),
    ),
  );
  await Promise.all(all.map((node) => hasMet(node, ids)));
  await Promise.all(
    replicas.map((replica, index) =>
      replica.with((redis) => redis.cluster('REPLICATE', ids[index] ?? '')),
    ),
  );
  // Every node knows who replicates whom, and every replica has its master's data.
  await Promise.all(all.map((node) => knows(node, replicas.length)));
}

async function knows(node: RedisNode, replicaCount: number): Promise<void> {
  await node.with((redis) =>
    until('the Redis Cluster forms', FORMED_TIMEOUT_MS, async () => {
      const state = await redis.cluster('INFO');
      const nodes = String(await redis.cluster('NODES'));
      const replication = await redis.info('replication');
      return (
        state.includes('cluster_state:ok') &&
        (nodes.match(/[ ,]slave /g) ?? []).length === replicaCount &&
        !replication.includes('master_link_status:down')
      );
    }),
  );
}

async function hasMet(node: RedisNode, ids: readonly string[]): Promise<void> {
  await node.with((redis) =>
    until('the Redis Cluster forms', FORMED_TIMEOUT_MS, async () => {
      const nodes = String(await redis.cluster('NODES'));
      return ids.every((id) => nodes.includes(id)) && !nodes.includes('handshake');
    }),
  );
}

async function withNode<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

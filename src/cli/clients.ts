/** The clients of one process: Redis, Postgres, and the accumulator on top of Redis. */
import type { Pool } from 'pg';
import { createAccumulator, type Accumulator } from '../aggregate/accumulator.ts';
import type { ServerUrls } from '../config.ts';
import { createPool } from '../platform/postgres.ts';
import { createRedis, type RedisClient } from '../platform/redis.ts';
import type { CommandRun } from './command.ts';
import { findServers } from './servers.ts';

export interface Clients {
  readonly servers: ServerUrls;
  readonly redis: RedisClient;
  readonly pool: Pool;
  /** Reads and seals sums; it knows no epoch, so it applies none. */
  readonly accumulator: Accumulator;
}

/** Opens them; they connect in the background and are closed with the run. */
export function openClients(run: CommandRun, servers: ServerUrls = findServers(run)): Clients {
  const { logger, closer } = run;
  const redis = createRedis(servers.redisUrl, { name: 'pulse', logger });
  closer.add('redis', () => {
    redis.disconnect();
  });
  const pool = createPool(servers.databaseUrl, { name: 'pulse', logger });
  closer.add('postgres', () => pool.end());
  return { servers, redis, pool, accumulator: openAccumulator(run, redis) };
}

/** The sums as this configuration keeps them. */
export function openAccumulator({ config }: CommandRun, redis: RedisClient): Accumulator {
  const { shards, redisReplicasMin, ingest } = config;
  const { dedupeWindowSeconds } = ingest;
  return createAccumulator({ redis, shards, dedupeWindowSeconds, replicasMin: redisReplicasMin });
}

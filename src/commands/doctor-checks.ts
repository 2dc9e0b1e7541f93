/** What `pulse doctor` asks of each server. Nothing is created or changed. */
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { LIBRARY_VERSION, libraryVersionIn } from '../aggregate/library.ts';
import { pendingMigrations } from '../platform/migrate.ts';
import { closeRabbitConnection, openRabbitConnection } from '../platform/rabbit-connection.ts';
import type { RedisClient } from '../platform/redis.ts';
import {
  checkEachNode,
  checkRedisDurability,
  checkRedisWrites,
  readInfo,
  type Finding,
} from '../platform/redis-durability.ts';
import { readStoredShards } from '../platform/settings.ts';
import { declareTopology, readQueueDepth, topologyNames } from '../platform/topology.ts';

export async function checkRabbit(url: string, queue: string): Promise<Finding[]> {
  const connection = await openRabbitConnection(url, { name: 'pulse doctor' });
  try {
    const { version } = connection.connection.serverProperties;
    const findings: Finding[] = [ok('rabbitmq version', version)];
    const names = topologyNames(queue);
    const depth = await readQueueDepth(connection, names.queue);
    if (depth === undefined) {
      return [
        ...findings,
        warning('rabbitmq queue', `"${queue}" is not declared yet; a start does it`),
      ];
    }
    // It exists, so declaring it again changes nothing and compares every argument.
    await declareTopology(connection, queue);
    findings.push(
      ok('rabbitmq queue', `quorum, ${depth.readyCount} ready, ${depth.consumerCount} consumers`),
    );
    const dead = await readQueueDepth(connection, names.deadQueue);
    const waiting = dead?.readyCount ?? 0;
    findings.push(
      waiting > 1_000
        ? warning('rabbitmq dead letters', `${waiting} wait for the quarantine writer`)
        : ok('rabbitmq dead letters', `${waiting} wait for the quarantine writer`),
    );
    return findings;
  } finally {
    await closeRabbitConnection(connection);
  }
}

export async function checkRedis(redis: RedisClient): Promise<Finding[]> {
  return checkEachNode(redis, checkRedisNode);
}

async function checkRedisNode(redis: Redis): Promise<Finding[]> {
  const version = (await readInfo(redis, 'server')).get('redis_version') ?? 'unknown';
  const supported = Number(version.split('.')[0]) >= 7;
  const library = await libraryVersionIn(redis);
  return [
    supported
      ? ok('redis version', version)
      : danger('redis version', `${version} has no functions; 7.0 or later is needed`),
    ...(await checkRedisDurability(redis)),
    await checkRedisWrites(redis),
    library === undefined
      ? warning('redis functions', 'not loaded yet; a start does it')
      : library === LIBRARY_VERSION
        ? ok('redis functions', `version ${library}`)
        : warning('redis functions', `version ${library}, this build speaks ${LIBRARY_VERSION}`),
  ];
}

export async function checkPostgres(url: string, pool: Pool, shards: number): Promise<Finding[]> {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings
     WHERE name IN ('server_version', 'fsync', 'full_page_writes', 'synchronous_commit')`,
  );
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]));
  const pending = await pendingMigrations(url);
  const findings = [
    ok('postgres version', settings.get('server_version') ?? 'unknown'),
    mustNotBe('fsync', settings, 'off'),
    mustNotBe('full_page_writes', settings, 'off'),
    mustNotBe('synchronous_commit', settings, 'off'),
    pending.length === 0
      ? ok('postgres migrations', 'up to date')
      : danger('postgres migrations', `missing: ${pending.join(', ')}; run \`pulse migrate\``),
  ];
  if (pending.length > 0) return findings;
  const stored = await readStoredShards(pool);
  if (stored === undefined) return findings;
  findings.push(
    stored === String(shards)
      ? ok('shards', stored)
      : danger('shards', `SHARDS is ${shards}, this installation counts with ${stored}`),
  );
  return findings;
}

function mustNotBe(name: string, settings: ReadonlyMap<string, string>, bad: string): Finding {
  const value = settings.get(name) ?? 'unknown';
  return value === bad
    ? danger(`postgres ${name}`, `is ${bad}: a crash can lose rows that Redis no longer has`)
    : ok(`postgres ${name}`, value);
}

function ok(name: string, detail: string): Finding {
  return { name, status: 'ok', detail };
}

function warning(name: string, detail: string): Finding {
  return { name, status: 'warning', detail };
}

function danger(name: string, detail: string): Finding {
  return { name, status: 'danger', detail };
}

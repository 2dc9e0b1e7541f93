import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAccumulator, shardOf, type Accumulator } from '../../src/aggregate/accumulator.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import type { Guardian } from '../../src/private-servers/guardian-client.ts';
import { guardCluster } from '../support/cluster-node.ts';
import { eventually } from '../support/eventually.ts';
import { foldJournals } from '../../bench/fold-journals.ts';
import { parsedPulse } from '../support/pulses.ts';
import { startRedisCluster, type RedisNode } from '../support/redis-cluster.ts';
import { entryOf, openRedis } from './aggregate-fixture.ts';

const SHARDS = 4;
/** Its slot, 1584, is in the first third, which the master with the replica has. */
const SHARD = 3;
const PULSES = 100;

let guardian: Guardian;
let redis: RedisClient;
let master: RedisNode;
let replica: RedisNode;

beforeEach(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pulse-failover-'));
  guardian = await guardCluster(directory);
  const cluster = await startRedisCluster(guardian, { directory, masters: 3, replicas: 1 });
  [master, replica] = [cluster.masters[0]!, cluster.replicas[0]!];
  redis = await openRedis(cluster.url);
});
afterEach(async () => {
  redis.disconnect();
  await guardian.stop();
});

test('a failover to a replica that lags loses what the master had acknowledged', async () => {
  const accumulator = createAccumulator({ redis, shards: SHARDS });
  await accumulator.append(SHARD, PULSES, batchOf('first'));
  await hasAppended(replica, PULSES);
  await cutOff(replica);
  await accumulator.append(SHARD, PULSES, batchOf('second'));
  await failOver();
  const books = await eventuallyBooks(accumulator);
  // The shard balances: only a comparison with what was published shows the loss.
  expect(books).toMatchObject({ appended: 100n, journalled: 100n });
});

test('with REDIS_REPLICAS_MIN nothing is acknowledged that a failover could lose', async () => {
  const options = { redis, shards: SHARDS, replicasMin: 1 };
  const accumulator = createAccumulator(options);
  await accumulator.append(SHARD, PULSES, batchOf('first'));
  await cutOff(replica);
  await expect(accumulator.append(SHARD, PULSES, batchOf('second'))).rejects.toMatchObject({
    code: 'PULSE_REDIS_APPLY',
    retryable: true,
  });
  await failOver();
  await master.start();
  // The broker redelivers the batch; the old master, now a replica, is the second server to have it.
  const again = () =>
    accumulator.append(SHARD, PULSES, batchOf('second')).then(
      () => true,
      () => false,
    );
  await eventually(again).toBe(true);
  await foldJournals(redis, SHARDS);
  const books = await eventuallyBooks(accumulator);
  expect(books).toMatchObject({ counted: 200n, live: { pulseCount: 200n } });
});

test('with REDIS_REPLICAS_MIN no rows are read from a batch whose seal a failover could lose', async () => {
  const options = { redis, shards: SHARDS, replicasMin: 1 };
  const accumulator = createAccumulator(options);
  await accumulator.append(SHARD, PULSES, batchOf('first'));
  await foldJournals(redis, SHARDS);
  await cutOff(replica);
  const batch = (await accumulator.seal(SHARD))!;
  await expect(accumulator.readSums(batch).next()).rejects.toMatchObject({ retryable: true });
});

function batchOf(name: string) {
  const pulses: Pulse[] = [];
  for (let index = 0; pulses.length < PULSES; index++) {
    const pulse = parsedPulse({ tenant: `tenant ${index}`, id: `${name} ${index}` });
    if (shardOf(pulse, SHARDS) === SHARD) pulses.push(pulse);
  }
  return entryOf(pulses);
}

async function hasAppended(node: RedisNode, count: number): Promise<void> {
  const appended = () =>
    node.with(async (client) => {
      await client.readonly();
      return client.hget(`{${SHARD}}:books`, 'appended');
    });
  await eventually(appended).toBe(String(count));
}

/** From now on the replica receives nothing, and what the kernel has buffered for it is lost with the connection. */
async function cutOff(node: RedisNode): Promise<void> {
  await node.signal('SIGSTOP');
  await master.with((client) => client.call('CLIENT', 'KILL', 'TYPE', 'replica'));
}

async function failOver(): Promise<void> {
  await master.kill();
  await replica.signal('SIGCONT');
  const role = () => replica.with(async (client) => (await client.role())[0]);
  await eventually(role).toBe('master');
}

async function eventuallyBooks(accumulator: Accumulator) {
  const read = () => accumulator.readBooks(SHARD).catch(() => undefined);
  await eventually(async () => (await read()) !== undefined).toBe(true);
  return accumulator.readBooks(SHARD);
}

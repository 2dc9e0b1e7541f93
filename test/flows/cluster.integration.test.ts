import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { TransientError } from '../../src/core/errors.ts';
import { declareTopologyAt } from '../../src/platform/topology.ts';
import type { GeneratedPulse } from '../../src/populate/generate-pulses.ts';
import { createPublisher, type Publisher } from '../../src/publish/publisher.ts';
import type { Guardian } from '../../src/private-servers/guardian-client.ts';
import { guardCluster } from '../support/cluster-node.ts';
import { isolatedServices } from '../support/isolated.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { startRabbitCluster, type RabbitCluster } from '../support/rabbit-cluster.ts';
import { startRedisCluster, type RedisCluster } from '../support/redis-cluster.ts';
import { countKinds, makeTraffic, openFlow, type Flow } from './flow-fixture.ts';
import { goodPulses, sumsOfPulses, sumsOfRows } from './sums.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS, hookTimeout: MANY_STEPS_TIMEOUT_MS });

const PULSES = 200_000;
/** More shards than masters, so that every master has at least one. */
const SHARDS = 6;
/** Enough to be sure that the system is still working. */
const MORE = 5_000;

let guardian: Guardian;
let rabbit: RabbitCluster;
let redis: RedisCluster;

beforeAll(async () => {
  const directory = resolve('.pulse', `test-cluster-${randomUUID().slice(0, 8)}`);
  guardian = await guardCluster(directory);
  [rabbit, redis] = await Promise.all([
    startRabbitCluster(guardian, { directory, nodes: 3 }),
    startRedisCluster(guardian, { directory, masters: 3, replicas: 0 }),
  ]);
});
afterAll(() => guardian.stop());

test('two workers on clusters count 200,000 pulses exactly while a node of each is killed', async () => {
  const flow = await openClusterFlow();
  const traffic = makeTraffic(PULSES, 'clusters');
  const sent = countKinds(traffic);
  // The leader of a quorum queue is the node that declares it: here the one that will be killed.
  await declareTopologyAt(rabbit.nodes[1]!.url, flow.queue);
  const workers = await Promise.all([flow.start('worker'), flow.start('worker')]);
  const publishing = publishAll(traffic, flow.queue);

  await flow.settled({ counted: MORE });
  await rabbit.nodes[1]!.kill();
  const { counted: countedBefore } = await flow.verify();
  await flow.settled({ counted: countedBefore + MORE });

  await redis.masters[1]!.kill();
  await Promise.all(workers.map((worker) => worker.printed('redis connection failed')));
  await redis.masters[1]!.start();
  const { counted: countedBetween } = await flow.verify();
  await flow.settled({ counted: Math.min(countedBetween + MORE, sent.good) });
  await flow.flush();

  await publishing;
  await flow.settled({
    counted: sent.good,
    duplicates: sent.duplicate,
    deadLetters: sent.bad,
  });
  for (const worker of workers) worker.signal('SIGTERM');
  for (const worker of workers) expect(await worker.ended).toMatchObject({ exitCode: 0 });
  expect(await flow.producer.depth()).toBe(0);
  await flow.flush();
  expect(await flow.verify()).toMatchObject({
    counted: sent.good,
    flushed: sent.good,
    sealed: 0,
    live: 0,
    deadLetters: sent.bad,
    drift: 0,
  });
  const rows = await (await flow.openApi()).rows({ limit: '1000' });
  expect(sumsOfRows(rows)).toEqual(sumsOfPulses(goodPulses(traffic)));
});

/** The clusters, with a database of the test run's Postgres. */
async function openClusterFlow(): Promise<Flow> {
  const services = await isolatedServices();
  onTestFinished(() => services.close());
  const { databaseUrl, queue } = services;
  return openFlow(
    { SHARDS: String(SHARDS) },
    { rabbitmqUrl: rabbit.url, redisUrl: redis.url, databaseUrl, queue },
  );
}

/** Publishes as a producer must: it publishes an unconfirmed pulse again, with the same id. */
async function publishAll(traffic: readonly GeneratedPulse[], queue: string): Promise<void> {
  const publisher = createPublisher({
    url: rabbit.url,
    logger: pino({ level: 'silent' }),
    maxOutstanding: 2_000,
    maxWaiting: PULSES,
    waitTimeoutMs: MANY_STEPS_TIMEOUT_MS,
  });
  await Promise.all(traffic.map((pulse) => publishUntilConfirmed(publisher, pulse, queue)));
  await publisher.close();
}

async function publishUntilConfirmed(
  publisher: Publisher,
  { body, messageId }: GeneratedPulse,
  queue: string,
): Promise<void> {
  for (;;) {
    try {
      await publisher.publish({ exchange: queue, routingKey: queue, body, messageId });
      return;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
    }
  }
}

/** The whole path of a dead letter on real servers: a producer, ingest, the quarantine writer, replays. */
import { connect, type Options } from 'amqplib';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { createAccumulator, type AggregateRow } from '../../src/aggregate/accumulator.ts';
import { fromSumField, fromSumValue } from '../../src/aggregate/sum-field.ts';
import { foldJournals } from '../../bench/fold-journals.ts';
import { NO_ADMISSION } from '../../src/ingest/admission.ts';
import { startConsumer } from '../../src/ingest/consumer.ts';
import { UNTRACED } from '../../src/ingest/trace-batches.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { createRedis } from '../../src/platform/redis.ts';
import { declareTopologyAt, topologyNames } from '../../src/platform/topology.ts';
import { createPublisher } from '../../src/publish/publisher.ts';
import type { DeadLetterFilters, DeadLetterRow } from '../../src/quarantine/quarantine.ts';
import { findDeadLetter, listDeadLetters } from '../../src/quarantine/quarantine-query.ts';
import type { ReplayDeps } from '../../src/quarantine/replay.ts';
import { startQuarantineWriter } from '../../src/quarantine/writer.ts';
import { openRedis } from '../aggregate/aggregate-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices } from '../support/isolated.ts';
import { fromChunk } from '../support/sum-texts.ts';

const logger = pino({ level: 'silent' });
const DAY_MS = 86_400_000;
const LIMITS = {
  bodyBytesMax: 1 << 20,
  pulseAgeMaxMs: 35 * DAY_MS,
  pulseAheadMaxMs: 300_000,
  windowSeconds: 3_600,
};
export const DEDUPE_WINDOW_SECONDS = 3_600;

export type QuarantineFixture = Awaited<ReturnType<typeof createQuarantineFixture>>;

/** The person who acts in tests. */
export const ALICE = { name: 'alice', via: 'api', scope: 'all' } as const;

/**
 * Registers the hooks of a test file; what it returns is filled in before the first test, and empty before each.
 *
 * @param isStarted Whether ingest and the writer run from the start of each test.
 */
export function useQuarantineFixture({ isStarted = true } = {}): QuarantineFixture {
  const fixture = {} as QuarantineFixture;

  beforeAll(async () => {
    Object.assign(fixture, await createQuarantineFixture());
  });
  beforeEach(async () => {
    await fixture.reset();
    if (!isStarted) return;
    fixture.startIngest();
    fixture.startWriter();
  });
  afterEach(() => fixture.stop());
  afterAll(() => fixture.close());
  return fixture;
}

export async function createQuarantineFixture() {
  const services = await isolatedServices();
  const { rabbitmqUrl, redisUrl, queue } = services;
  const pool: Pool = createPool(services.databaseUrl, { name: 'test', logger });
  const redis = await openRedis(redisUrl);
  const options = { shards: 1 };
  const accumulator = createAccumulator({ redis, ...options });
  await declareTopologyAt(rabbitmqUrl, queue);
  const connection = await connect(rabbitmqUrl);
  const channel = await connection.createConfirmChannel();
  const publisher = createPublisher({ url: rabbitmqUrl, logger });
  const { deadExchange, deadQueue } = topologyNames(queue);
  const replay: ReplayDeps = {
    pool,
    publish: (publication) => publisher.publish(publication),
    queue,
    dedupeWindowSeconds: DEDUPE_WINDOW_SECONDS,
  };
  const running: (() => Promise<void>)[] = [];

  const list = (filters: DeadLetterFilters = {}): Promise<DeadLetterRow[]> =>
    listDeadLetters(pool, { limit: 1_000, ...filters });

  const books = async () => {
    await foldJournals(redis, 1);
    const { counted, duplicates } = await accumulator.readBooks(0);
    return { counted: Number(counted), duplicates: Number(duplicates) };
  };

  return {
    services,
    pool,
    replay,
    /** How the API sends pulses. */
    sending: {
      publish: replay.publish,
      brokerState: () => publisher.state,
      queue,
      limits: LIMITS,
    },
    /** How the API reads usage. */
    usage: {
      held: accumulator,
      pulseAgeMaxMs: LIMITS.pulseAgeMaxMs,
      windowSeconds: LIMITS.windowSeconds,
    },
    channel,
    list,
    books,
    find: async (id: string) => (await findDeadLetter(pool, id))!,

    /** Counts pulses until `stop`, as a thread of a worker does. */
    startIngest(): void {
      const own = createRedis(redisUrl, { name: 'test', logger });
      const deadLetters = createPublisher({ url: rabbitmqUrl, logger });
      const target = createAccumulator({ redis: own, ...options });
      const consumer = startConsumer(
        {
          rabbitmqUrl,
          queue,
          prefetch: 100,
          batchLingerMs: 2,
          deliveryFilter: true,
          batch: { batchSize: 50, shards: 1, dedupeSecret: 'test secret', limits: LIMITS },
        },
        {
          accumulator: target,
          admission: NO_ADMISSION,
          publishDeadLetter: (publication) => deadLetters.publish(publication),
          deadExchange,
          probe: () => target.probe(0),
          retryForMs: 5_000,
          logger,
          onStep: () => undefined,
          aroundBatch: UNTRACED,
          onCounts: () => undefined,
          onState: () => undefined,
          onFatal: (error) => {
            throw error;
          },
        },
      );
      running.push(async () => {
        await consumer.drain(10_000);
        await deadLetters.close();
        own.disconnect();
      });
    },

    startWriter(): void {
      const writer = startQuarantineWriter({ url: rabbitmqUrl, queue, pool, logger });
      running.push(() => writer.close());
    },

    /** Stops everything that was started. */
    async stop(): Promise<void> {
      await Promise.all(running.splice(0).map((stop) => stop()));
    },

    /** Publishes with confirms, like any client. */
    async send(body: unknown, properties: Options.Publish = {}): Promise<void> {
      const content = Buffer.isBuffer(body)
        ? body
        : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      channel.publish(queue, queue, content, { persistent: true, ...properties });
      await channel.waitForConfirms();
    },

    /** Waits until this many are quarantined and the queues are empty, and returns them. */
    async waiting(count: number, filters: DeadLetterFilters = {}): Promise<DeadLetterRow[]> {
      await expect
        .poll(() => list({ state: 'quarantined', ...filters }), { timeout: 20_000, interval: 20 })
        .toHaveLength(count);
      return list({ state: 'quarantined', ...filters });
    },

    async settled(wanted: { counted: number; duplicates: number }): Promise<void> {
      await eventually(books).toEqual(wanted);
    },

    /** Seals the sums and reads them. */
    async sums(): Promise<AggregateRow[]> {
      const batch = await accumulator.seal(0);
      const rows: AggregateRow[] = [];
      if (batch === null) return rows;
      for await (const chunk of accumulator.readSums(batch)) {
        const texts = fromChunk(chunk);
        for (let at = 0; at < texts.length; at += 2) {
          rows.push({ ...fromSumField(texts[at]!), ...fromSumValue(texts[at + 1]!) });
        }
      }
      return rows;
    },

    /** Empties everything; the trigger that protects the history is switched off for it. */
    async reset(): Promise<void> {
      await channel.purgeQueue(queue);
      await channel.purgeQueue(deadQueue);
      await redis.flushdb();
      await pool.query(
        `TRUNCATE dead_letters CASCADE;
         ALTER TABLE dead_letter_actions DISABLE TRIGGER USER;
         TRUNCATE dead_letter_actions;
         ALTER TABLE dead_letter_actions ENABLE TRIGGER USER`,
      );
    },

    async close(): Promise<void> {
      await publisher.close();
      await connection.close();
      redis.disconnect();
      await pool.end();
      await services.close();
    },
  };
}

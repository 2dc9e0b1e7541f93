import { Piscina } from 'piscina';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { libraryCode } from '../../src/aggregate/library.ts';
import { startIngestPool, type IngestPool } from '../../src/ingest/pool.ts';
import { addCounts, noCounts } from '../../src/ingest/thread-messages.ts';
import { openRedis } from '../aggregate/aggregate-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { startPrivateRedis } from '../support/private-redis.ts';
import { BODY_LIMITS } from '../contract/body-outcomes.ts';
import { useIngestFixture } from './ingest-fixture.ts';
import { mixedTraffic } from './traffic.ts';

// The threads run the built files in dist/, as in production: Node.js 20 cannot start a thread from TypeScript.
const CLOSE_MS = 40_000;
const fixture = useIngestFixture();
let pool: IngestPool | undefined;
const counts = noCounts();
const fatal: unknown[] = [];

beforeEach(() => {
  Object.assign(counts, noCounts());
  fatal.length = 0;
});
afterEach(async () => {
  await pool?.close(CLOSE_MS);
  pool = undefined;
  vi.restoreAllMocks();
});

const redisUrl = (): string => fixture.services.redisUrl;

function startPool(changes: { threads?: number; redisUrl?: string; paused?: boolean } = {}) {
  const run = vi.spyOn(Piscina.prototype, 'run');
  const { rabbitmqUrl, queue } = fixture.services;
  pool = startIngestPool({
    threads: changes.threads ?? 2,
    paused: changes.paused ?? false,
    task: {
      servers: { rabbitmqUrl, redisUrl: changes.redisUrl ?? redisUrl() },
      queue,
      shards: 2,
      redisReplicasMin: 0,
      journalBytesMax: 1_000_000,
      ingest: {
        threads: 2,
        prefetch: 80,
        batchSize: 20,
        batchLingerMs: 5,
        deliveryFilter: true,
        dedupeWindowSeconds: 3_600,
        admission: 'off',
        ...BODY_LIMITS,
      },
      dedupeSecret: 'test secret',
      epoch: '',
      allowUnsafeRedis: false,
      crashAt: undefined,
      log: { level: 'silent', pretty: false, secrets: [] },
      tracing: undefined,
    },
    admission: { rows: [], refresh: () => Promise.resolve(true) },
    logger: pino({ level: 'silent' }),
    onTraced: () => undefined,
    onCounts: (more) => {
      addCounts(counts, more);
    },
    onFatal: (error) => fatal.push(error),
  });
  const piscina = run.mock.contexts[0] as Piscina;
  return { pool, piscina };
}

const allConsuming = () =>
  eventually(() => new Set(pool?.states)).toEqual(new Set(['consuming'] as const));

describe('the pool', () => {
  test('counts in all threads and reports the counts to the main thread', async () => {
    const { messages, oracle, bad } = mixedTraffic(1_000);
    const { pool: own } = startPool();
    await allConsuming();
    await fixture.publish(messages);
    await fixture.counted(oracle.counted);
    await own.close(CLOSE_MS);
    pool = undefined;
    expect(counts).toMatchObject({
      deliveries: messages.length,
      appended: oracle.counted + oracle.duplicates,
      received: oracle.counted + oracle.duplicates + bad.length,
    });
    expect(await fixture.sums()).toEqual(oracle.sums);
    expect(fatal).toEqual([]);
  });

  test('replaces a thread that dies midway, loses nothing and counts nothing twice', async () => {
    const { messages, oracle } = mixedTraffic(4_000);
    const { piscina, pool: own } = startPool();
    await allConsuming();
    await fixture.publish(messages);
    await eventually(async () => (await fixture.books()).counted).toBeGreaterThan(100);
    const victims = piscina.threads.map(({ threadId }) => threadId);
    await piscina.threads[0]?.terminate();
    await eventually(() => own.states[0] === 'waiting' || own.states[1] === 'waiting').toBe(true);
    await allConsuming();
    expect(piscina.threads).toHaveLength(2);
    expect(piscina.threads.map(({ threadId }) => threadId)).not.toEqual(victims);
    await fixture.counted(oracle.counted);
    await own.close(CLOSE_MS);
    pool = undefined;
    expect(await fixture.sums()).toEqual(oracle.sums);
    expect(fatal).toEqual([]);
  });

  test('drains when it is closed while busy: what was applied is acknowledged, the rest is returned', async () => {
    const { messages } = mixedTraffic(4_000);
    const { pool: own } = startPool();
    await allConsuming();
    await fixture.publish(messages);
    await eventually(async () => (await fixture.books()).counted).toBeGreaterThan(100);
    await own.close(CLOSE_MS);
    pool = undefined;
    const { duplicates, counted } = await fixture.books();
    const letters = await fixture.takeDeadLetters();
    // Unsettled deliveries are back in the queue, and every notice has arrived.
    await eventually(async () => counts.deliveries + (await fixture.readyCount())).toBe(
      messages.length,
    );
    expect(counts).toMatchObject({ appended: counted + duplicates });
    expect(counts.received).toBe(counted + duplicates + letters.size);
  });

  test('stops the process when a thread finds functions newer than itself', async () => {
    const server = await startPrivateRedis();
    const redis = await openRedis(server.url);
    const newer = libraryCode().replace(/local VERSION = '\d+'/, `local VERSION = '999'`);
    await redis.call('FUNCTION', 'LOAD', 'REPLACE', newer);
    redis.disconnect();
    await fixture.publish(mixedTraffic(10).messages);
    startPool({ threads: 1, redisUrl: server.url });
    await eventually(() => fatal).toHaveLength(1);
    expect(fatal[0]).toMatchObject({ code: 'PULSE_REDIS_LIBRARY', retryable: false });
    await pool?.close(CLOSE_MS);
    pool = undefined;
    await eventually(() => fixture.readyCount()).toBe(10);
    await server.close();
  });

  test('pauses every thread, including one that starts later, and counts after the resume', async () => {
    const { messages, oracle } = mixedTraffic(2_000);
    const { piscina, pool: own } = startPool({ paused: true });
    const allPaused = () =>
      eventually(() => new Set(own.states)).toEqual(new Set(['paused'] as const));
    await allPaused();
    await fixture.publish(messages);
    await piscina.threads[0]?.terminate();
    await eventually(() => own.states).toContain('waiting');
    await allPaused();
    expect(await fixture.readyCount()).toBe(messages.length);
    own.resume();
    await fixture.counted(oracle.counted);
    own.pause();
    await allPaused();
    expect(await fixture.consumerCount()).toBe(0);
    expect(await fixture.sums()).toEqual(oracle.sums);
  });

  test('leaves no thread running', async () => {
    const { piscina, pool: own } = startPool({ threads: 1 });
    await allConsuming();
    await own.close(CLOSE_MS);
    pool = undefined;
    expect(piscina.threads).toEqual([]);
  });
});

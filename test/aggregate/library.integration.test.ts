import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { generationKeys, shardKeys } from '../../src/aggregate/keys.ts';
import { ensureLibrary, libraryCode, LIBRARY_VERSION } from '../../src/aggregate/library.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { parsedPulse } from '../support/pulses.ts';
import { startPrivateRedis, type PrivateRedis } from '../support/private-redis.ts';
import { applyAll, createTestAccumulator, entryOf, openRedis } from './aggregate-fixture.ts';

// Functions belong to the whole server, so these tests use a separate one.
let server: PrivateRedis;
let redis: RedisClient;

beforeAll(async () => {
  server = await startPrivateRedis();
});
afterAll(() => server.close());

beforeEach(async () => {
  redis = await openRedis(server.url);
});
afterEach(async () => {
  await redis.flushall();
  await redis.call('FUNCTION', 'FLUSH');
  redis.disconnect();
});

const pulses = [parsedPulse({ id: 'p-1' })];
const entry = entryOf(pulses);
/** Counts the same pulse. */
const apply = (accumulator = createTestAccumulator(redis)) =>
  applyAll({ accumulator, redis }, pulses);
const withVersion = (version: number): string =>
  libraryCode().replace(
    `local VERSION = '${LIBRARY_VERSION}'`,
    `local VERSION = '${String(version)}'`,
  );

async function loadCount(): Promise<number> {
  const stats = await redis.info('commandstats');
  return Number(/cmdstat_function\|load:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

describe('ensureLibrary', () => {
  test('loads once; a second start finds the same text and does not load it again', async () => {
    const before = await loadCount();
    await ensureLibrary(redis);
    await ensureLibrary(redis);
    expect(await loadCount()).toBe(before);
    await redis.call('FUNCTION', 'FLUSH');
    await ensureLibrary(redis);
    expect(await loadCount()).toBe(before + 1);
  });

  test('replaces an older one', async () => {
    await redis.call('FUNCTION', 'LOAD', 'REPLACE', withVersion(0));
    await ensureLibrary(redis);
    expect(await apply()).toMatchObject({ counted: 1 });
  });

  test('refuses to replace a newer one, and says what to do', async () => {
    const newer = Number(LIBRARY_VERSION) + 1;
    await redis.call('FUNCTION', 'LOAD', 'REPLACE', withVersion(newer));
    await expect(ensureLibrary(redis)).rejects.toMatchObject({
      code: 'PULSE_REDIS_LIBRARY',
      retryable: false,
      message: expect.stringMatching(
        new RegExp(`version ${newer}.*version ${LIBRARY_VERSION}.*Upgrade`, 's'),
      ) as string,
    });
  });

  test('does not change the functions of other programs', async () => {
    const other = `#!lua name=other\nredis.register_function('other', function() return 1 end)`;
    await redis.call('FUNCTION', 'LOAD', other);
    await redis.call('FUNCTION', 'DELETE', 'pulse');
    await ensureLibrary(redis);
    expect(await redis.fcall('other', 0)).toBe(1);
  });
});

describe('while running', () => {
  test('a newer library stops a running worker before it misreads a sum', async () => {
    await redis.call('FUNCTION', 'LOAD', 'REPLACE', withVersion(Number(LIBRARY_VERSION) + 1));
    await expect(createTestAccumulator(redis).append(0, 1, entry)).rejects.toMatchObject({
      code: 'PULSE_REDIS_LIBRARY',
      retryable: false,
    });
    expect(await redis.keys('*')).toEqual([]);
  });

  test('missing functions are loaded again, and the call is safe to repeat', async () => {
    const accumulator = createTestAccumulator(redis);
    await redis.call('FUNCTION', 'FLUSH');
    await expect(accumulator.append(0, 1, entry)).rejects.toMatchObject({
      code: 'PULSE_REDIS_APPLY',
      retryable: true,
    });
    await ensureLibrary(redis);
    expect(await apply(accumulator)).toEqual({ counted: 1, duplicates: 0 });
  });

  test('functions, sums and remembered ids survive a kill and a restart', async () => {
    await apply();
    redis.disconnect();
    await server.kill();
    await server.start();
    redis = await openRedis(server.url);
    const accumulator = createTestAccumulator(redis);
    expect(await apply(accumulator)).toMatchObject({ counted: 0, duplicates: 1 });
    expect(await accumulator.seal(0)).toMatchObject({ pulseCount: 1n, rowCount: 1 });
  });
});

describe('transient errors', () => {
  test('an unavailable Redis can be retried', async () => {
    const accumulator = createTestAccumulator(redis);
    await server.kill();
    try {
      await expect(accumulator.append(0, 1, entry)).rejects.toMatchObject({
        code: 'PULSE_REDIS_APPLY',
        retryable: true,
      });
      await expect(accumulator.readBooks(0)).rejects.toMatchObject({ retryable: true });
      await expect(accumulator.probe(0)).rejects.toMatchObject({ retryable: true });
    } finally {
      await server.start();
      redis.disconnect();
      redis = await openRedis(server.url);
    }
  });

  test('a Redis without free memory refuses the whole batch, which can be retried', async () => {
    const accumulator = createTestAccumulator(redis);
    await redis.config('SET', 'maxmemory', '1');
    const refusal = { code: 'PULSE_REDIS_APPLY', retryable: true, message: /OOM/ };
    await expect(accumulator.append(0, 1, entry)).rejects.toMatchObject({
      ...refusal,
      message: expect.stringContaining('OOM') as string,
    });
    await redis.config('SET', 'maxmemory', '0');
    expect(await apply(accumulator)).toMatchObject({ counted: 1 });
  });

  test('a Redis without free memory still deletes ids that are forgotten', async () => {
    const { lease } = shardKeys(0);
    const { chunks } = generationKeys(0, 1);
    await redis.mset(lease, 'token', chunks, 'ids');
    await redis.config('SET', 'maxmemory', '1');
    const dropped = await redis.fcall(
      'pulse_seen_drop',
      2,
      lease,
      chunks,
      LIBRARY_VERSION,
      'token',
    );
    await redis.config('SET', 'maxmemory', '0');
    expect(dropped).toBe(1);
  });

  test('a replica that refuses writes can be retried', async () => {
    // A separate client, because a client disconnects from a server that refuses writes.
    const writer = await openRedis(server.url);
    await redis.call('REPLICAOF', '127.0.0.1', '1');
    try {
      const accumulator = createTestAccumulator(writer);
      await expect(accumulator.append(0, 1, entry)).rejects.toMatchObject({ retryable: true });
    } finally {
      await redis.call('REPLICAOF', 'NO', 'ONE');
      writer.disconnect();
    }
  });
});

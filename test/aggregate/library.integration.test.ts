import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ensureLibrary, libraryCode, LIBRARY_VERSION } from '../../src/aggregate/library.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { parsedPulse } from '../support/pulses.ts';
import { startPrivateRedis, type PrivateRedis } from '../support/private-redis.ts';
import { createTestAccumulator, foldOf, openRedis } from './aggregate-fixture.ts';

// Functions belong to the whole server, so these tests take one of their own.
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

const batch = foldOf([parsedPulse({ id: 'p-1' })]);
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
  test('loads once; a second start finds the same text and leaves it alone', async () => {
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
    expect(await createTestAccumulator(redis).apply(0, batch)).toMatchObject({ counted: 1 });
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

  test('leaves the functions of other programs alone', async () => {
    const other = `#!lua name=other\nredis.register_function('other', function() return 1 end)`;
    await redis.call('FUNCTION', 'LOAD', other);
    await redis.call('FUNCTION', 'DELETE', 'pulse');
    await ensureLibrary(redis);
    expect(await redis.fcall('other', 0)).toBe(1);
  });
});

describe('while running', () => {
  test('a newer library under a running worker stops it before a sum is misread', async () => {
    await redis.call('FUNCTION', 'LOAD', 'REPLACE', withVersion(Number(LIBRARY_VERSION) + 1));
    await expect(createTestAccumulator(redis).apply(0, batch)).rejects.toMatchObject({
      code: 'PULSE_REDIS_LIBRARY',
      retryable: false,
    });
    expect(await redis.keys('*')).toEqual([]);
  });

  test('functions that vanished are loaded again, and the call is safe to repeat', async () => {
    const accumulator = createTestAccumulator(redis);
    await redis.call('FUNCTION', 'FLUSH');
    await expect(accumulator.apply(0, batch)).rejects.toMatchObject({
      code: 'PULSE_REDIS_APPLY',
      retryable: true,
    });
    expect(await accumulator.apply(0, batch)).toEqual({ counted: 1, duplicates: 0, refused: [] });
  });

  test('after a kill and a start, functions, sums and remembered ids are all there', async () => {
    await createTestAccumulator(redis).apply(0, batch);
    redis.disconnect();
    await server.kill();
    await server.start();
    redis = await openRedis(server.url);
    const accumulator = createTestAccumulator(redis);
    expect(await accumulator.apply(0, batch)).toMatchObject({ counted: 0, duplicates: 1 });
    expect(await accumulator.seal(0)).toMatchObject({ pulseCount: 1n, rowCount: 1 });
  });
});

describe('what passes by itself', () => {
  test('a Redis that is away is worth another try', async () => {
    const accumulator = createTestAccumulator(redis);
    await server.kill();
    try {
      await expect(accumulator.apply(0, batch)).rejects.toMatchObject({
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

  test('a Redis without memory refuses the whole batch and is worth another try', async () => {
    const accumulator = createTestAccumulator(redis);
    await redis.config('SET', 'maxmemory', '1');
    const refusal = { code: 'PULSE_REDIS_APPLY', retryable: true, message: /OOM/ };
    await expect(accumulator.apply(0, batch)).rejects.toMatchObject({
      ...refusal,
      message: expect.stringContaining('OOM') as string,
    });
    await redis.config('SET', 'maxmemory', '0');
    expect(await accumulator.apply(0, batch)).toMatchObject({ counted: 1 });
  });

  test('a replica that takes no writes is worth another try', async () => {
    const accumulator = createTestAccumulator(redis);
    await redis.call('REPLICAOF', '127.0.0.1', '1');
    try {
      await expect(accumulator.apply(0, batch)).rejects.toMatchObject({ retryable: true });
    } finally {
      // The client has left the replica, and is connecting again.
      await expect.poll(() => redis.call('REPLICAOF', 'NO', 'ONE').catch(String)).toBe('OK');
    }
  });
});

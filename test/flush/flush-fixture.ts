/** Real Redis and Postgres for the tests of the flush, and the sums to compare with. */
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { createAccumulator, type Accumulator } from '../../src/aggregate/accumulator.ts';
import { ensureLibrary } from '../../src/aggregate/library.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import { verifyBooks } from '../../src/flush/books.ts';
import type { FlushDeps } from '../../src/flush/flush.ts';
import type { FlushStep } from '../../src/flush/flush-steps.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { createRedis, waitForRedis, type RedisClient } from '../../src/platform/redis.ts';
import { foldJournals } from '../../bench/fold-journals.ts';
import { appendAll } from '../aggregate/aggregate-fixture.ts';
import { isolatedServices } from '../support/isolated.ts';

export const SHARDS = 2;
/** 2024-03-05T10:00:00Z. */
export const WINDOW_SEC = Date.UTC(2024, 2, 5, 10) / 1000;

export interface FlushFixture extends FlushDeps {
  readonly accumulator: Accumulator;
  readonly pool: Pool;
  readonly redis: RedisClient;
  readonly databaseUrl: string;
  /** Counts pulses as ingest does. */
  count(pulses: readonly Pulse[]): Promise<void>;
  /** The sums in Postgres by tenant, SKU, unit and hour, sorted. */
  readSums(): Promise<string[]>;
  /** Empties Redis and Postgres. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

/** Opens, empties and closes the fixture with the hooks of a test file; it is filled in before the first test. */
export function useFlushFixture(): FlushFixture {
  const fixture = {} as FlushFixture;
  beforeAll(async () => {
    Object.assign(fixture, await createFlushFixture());
  });
  beforeEach(() => fixture.reset());
  afterAll(() => fixture.close());
  return fixture;
}

export async function createFlushFixture(): Promise<FlushFixture> {
  const services = await isolatedServices();
  const logger = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });
  const pool = createPool(services.databaseUrl, { name: 'flush test', logger });
  const redis = createRedis(services.redisUrl, { name: 'flush-test', logger });
  await waitForRedis(redis, { url: services.redisUrl, timeoutMs: 10_000, logger });
  await ensureLibrary(redis);
  const accumulator = createAccumulator({ redis, shards: SHARDS });
  return {
    accumulator,
    pool,
    redis,
    logger,
    databaseUrl: services.databaseUrl,
    async count(pulses) {
      await appendAll(accumulator, pulses);
      await foldJournals(redis, SHARDS);
    },
    async readSums() {
      const { rows } = await pool.query<{ line: string }>(
        `SELECT concat_ws('|', tenant, product_sku, use_unity, trim_scale(sum(used_amount)),
                  sum(pulse_count), extract(epoch FROM window_start)::bigint) AS line
         FROM pulses GROUP BY tenant, product_sku, use_unity, window_start`,
      );
      return rows.map(({ line }) => line).sort();
    },
    async reset() {
      await pool.query('TRUNCATE pulses, flush_batches, dead_letters CASCADE');
      await redis.flushdb();
    },
    async close() {
      await pool.end();
      redis.disconnect();
      await services.close();
    },
  };
}

/** `count` pulses of many tenants, SKUs and hours, each with its own id. */
export function somePulses(count: number, prefix = 'p'): Pulse[] {
  return Array.from({ length: count }, (_, index) => ({
    tenant: `tenant-${index % 7}`,
    sku: `sku-${index % 11}`,
    unit: 'GB',
    windowStartSec: WINDOW_SEC + (index % 3) * 3_600,
    amount: { whole: index, nano: ((index % 10) + 1) * 99_999_999 },
    id: `${prefix}-${index}`,
  }));
}

/** What readSums must return for these pulses, computed with BigInt. */
export function expectedSums(pulses: readonly Pulse[]): string[] {
  const sums = new Map<string, { nano: bigint; count: number }>();
  for (const { tenant, sku, unit, windowStartSec, amount } of pulses) {
    const key = JSON.stringify([tenant, sku, unit, windowStartSec]);
    const sum = sums.get(key) ?? { nano: 0n, count: 0 };
    sum.nano += BigInt(amount.whole) * 1_000_000_000n + BigInt(amount.nano);
    sum.count += 1;
    sums.set(key, sum);
  }
  return [...sums]
    .map(([key, { nano, count }]) => {
      const [tenant, sku, unit, windowStartSec] = JSON.parse(key) as string[];
      const fraction = String(nano % 1_000_000_000n)
        .padStart(9, '0')
        .replace(/0+$/, '');
      const amount = `${String(nano / 1_000_000_000n)}${fraction === '' ? '' : `.${fraction}`}`;
      return [tenant, sku, unit, amount, count, windowStartSec].join('|');
    })
    .sort();
}

/** Dependencies whose flush crashes once, right after `step`. */
export function dyingAfter(
  fixture: FlushFixture,
  step: FlushStep,
  die: () => void | Promise<void>,
): FlushDeps {
  let alive = true;
  return {
    ...fixture,
    onStep: async (reached) => {
      if (!alive || reached !== step) return;
      alive = false;
      await die();
    },
  };
}

/** Postgres has the exact sums of exactly these pulses, and the books balance. */
export async function expectExact(fixture: FlushFixture, pulses: readonly Pulse[]): Promise<void> {
  expect(await fixture.readSums()).toEqual(expectedSums(pulses));
  const books = await verifyBooks(fixture);
  expect(books).toMatchObject({ balanced: true, drift: 0n, counted: BigInt(pulses.length) });
  expect(books.flushed).toBe(BigInt(pulses.length));
}

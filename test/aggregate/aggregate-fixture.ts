/** A real Redis with the functions loaded, and an oracle to compare its sums with. */
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import {
  BatchFold,
  createAccumulator,
  shardOf,
  type Accumulator,
  type SealedBatchRef,
} from '../../src/aggregate/accumulator.ts';
import { toField } from '../../src/aggregate/keys.ts';
import { ensureLibrary } from '../../src/aggregate/library.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import { createRedis, waitForRedis, type RedisClient } from '../../src/platform/redis.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { toNanos } from '../support/pulses.ts';

export const SECRET = 'test secret';
/** The largest whole part that a sum may have. */
export const SUM_MAX = 2n ** 63n - 1n;
const NANOS = 10n ** 9n;

export interface Sum {
  readonly nanos: bigint;
  readonly count: number;
}

/** Opens a Redis for a test file, empties it before each test, and closes it at the end. */
export function useRedis(onOpen: (redis: RedisClient, url: string) => void): void {
  let services: IsolatedServices;
  let redis: RedisClient;
  beforeAll(async () => {
    services = await isolatedServices();
    redis = await openRedis(services.redisUrl);
    onOpen(redis, services.redisUrl);
  });
  beforeEach(() => redis.flushdb());
  afterAll(async () => {
    redis.disconnect();
    await services.close();
  });
}

export async function openRedis(url: string): Promise<RedisClient> {
  const logger = pino({ level: 'silent' });
  const redis = createRedis(url, { name: 'aggregate test', logger });
  await waitForRedis(redis, { url, timeoutMs: 10_000, logger });
  await ensureLibrary(redis);
  return redis;
}

export function foldOf(pulses: readonly Pulse[], secret = SECRET) {
  const fold = new BatchFold(secret);
  for (const pulse of pulses) fold.add(pulse);
  return fold.fold();
}

/** Applies one batch over all shards, as ingest does. */
export async function applyAll(accumulator: Accumulator, pulses: readonly Pulse[]) {
  const total = { counted: 0, duplicates: 0, refused: [] as Pulse[] };
  for (let shard = 0; shard < accumulator.shards; shard++) {
    const own = pulses.filter((pulse) => shardOf(pulse, accumulator.shards) === shard);
    if (own.length === 0) continue;
    const { counted, duplicates, refused } = await accumulator.apply(shard, foldOf(own));
    expect(counted + duplicates + refused.length).toBe(own.length);
    total.counted += counted;
    total.duplicates += duplicates;
    total.refused.push(...refused.map((position) => own[position]!));
  }
  return total;
}

/** The rows of a batch by key. A row that Redis repeats counts once, and fails if it differs. */
export async function readSums(
  accumulator: Accumulator,
  batch: SealedBatchRef,
): Promise<Map<string, Sum>> {
  const sums = new Map<string, Sum>();
  for await (const rows of accumulator.readRows(batch)) {
    for (const row of rows) {
      // A limb without a carry would be right for a few batches, and then overflow its bytes.
      expect(row.amount.nano).toBeLessThan(1e9);
      expect(row.amount.whole).toBeLessThan(1e15);
      const sum = { nanos: toNanos(row.amount), count: row.pulseCount };
      const field = toField(row);
      expect(sums.get(field) ?? sum).toEqual(sum);
      sums.set(field, sum);
    }
  }
  return sums;
}

/** Seals every shard and reads everything, checking each header against its rows. */
export async function sealAndRead(accumulator: Accumulator): Promise<Map<string, Sum>> {
  const all = new Map<string, Sum>();
  for (let shard = 0; shard < accumulator.shards; shard++) {
    const batch = await accumulator.seal(shard);
    if (batch === null) continue;
    const sums = await readSums(accumulator, batch);
    expect(batch.rowCount).toBe(sums.size);
    expect(batch.pulseCount).toBe(
      [...sums.values()].reduce((sum, { count }) => sum + BigInt(count), 0n),
    );
    for (const [field, sum] of sums) {
      expect(all.has(field), 'a key in two shards').toBe(false);
      all.set(field, sum);
    }
  }
  return all;
}

/** The expected result, computed pulse by pulse with BigInt. */
export class Oracle {
  readonly sums = new Map<string, Sum>();
  readonly #seen = new Set<string>();
  counted = 0;
  duplicates = 0;
  refused: Pulse[] = [];

  take(pulse: Pulse): void {
    const id = pulse.id === undefined ? undefined : JSON.stringify([pulse.tenant, pulse.id]);
    if (id !== undefined && this.#seen.has(id)) {
      this.duplicates++;
      return;
    }
    const field = toField(pulse);
    const { nanos, count } = this.sums.get(field) ?? { nanos: 0n, count: 0 };
    const grown = nanos + toNanos(pulse.amount);
    if (grown / NANOS > SUM_MAX) {
      this.refused.push(pulse);
      return;
    }
    if (id !== undefined) this.#seen.add(id);
    this.sums.set(field, { nanos: grown, count: count + 1 });
    this.counted++;
  }
}

export function createTestAccumulator(redis: RedisClient, shards = 1, dedupeWindowSeconds = 3_600) {
  return createAccumulator({ redis, shards, dedupeWindowSeconds });
}

/** A real Redis with the functions loaded, and an oracle to compare its sums with. */
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import {
  createAccumulator,
  shardOf,
  type Accumulator,
  type SealedBatchRef,
} from '../../src/aggregate/accumulator.ts';
import { ensureLibrary } from '../../src/aggregate/library.ts';
import { EntryWriter } from '../../src/aggregate/journal-entry.ts';
import { IdFingerprints } from '../../src/aggregate/id-fingerprint.ts';
import { fromSumValue, toSumField } from '../../src/aggregate/sum-field.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import { createRedis, waitForRedis, type RedisClient } from '../../src/platform/redis.ts';
import { foldJournals } from '../../bench/fold-journals.ts';
import { createEntryKeys } from '../../bench/entry-keys.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { toNanos } from '../support/pulses.ts';
import { fromChunk } from '../support/sum-texts.ts';

export const SECRET = 'test secret';

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

/** One entry of the journal. */
export function entryOf(
  pulses: readonly Pulse[],
  { keyOf = createEntryKeys(), secret = SECRET } = {},
): Buffer {
  const writer = new EntryWriter(new IdFingerprints(secret));
  for (const pulse of pulses) writer.add(pulse, keyOf(pulse));
  return writer.toEntry();
}

export interface Counts {
  readonly counted: number;
  readonly duplicates: number;
}

/** Appends one batch over all shards, as ingest does. */
export async function appendAll(
  accumulator: Accumulator,
  pulses: readonly Pulse[],
  secret = SECRET,
): Promise<void> {
  for (let shard = 0; shard < accumulator.shards; shard++) {
    const own = pulses.filter((pulse) => shardOf(pulse, accumulator.shards) === shard);
    if (own.length > 0) await accumulator.append(shard, own.length, entryOf(own, { secret }));
  }
}

/** Appends one batch and folds it. @returns What its pulses became. */
export async function applyAll(
  { accumulator, redis }: { accumulator: Accumulator; redis: RedisClient },
  pulses: readonly Pulse[],
  secret = SECRET,
): Promise<Counts> {
  const before = await countsOf(accumulator);
  await appendAll(accumulator, pulses, secret);
  await foldJournals(redis, accumulator.shards);
  const after = await countsOf(accumulator);
  const counted = Number(after.counted - before.counted);
  const duplicates = Number(after.duplicates - before.duplicates);
  expect(counted + duplicates).toBe(pulses.length);
  return { counted, duplicates };
}

/** Of the books of all shards, which must balance. */
export async function countsOf(accumulator: Accumulator) {
  const total = { counted: 0n, duplicates: 0n };
  for (let shard = 0; shard < accumulator.shards; shard++) {
    const { appended, journalled, counted, duplicates } = await accumulator.readBooks(shard);
    expect(counted + duplicates + journalled).toBe(appended);
    total.counted += counted;
    total.duplicates += duplicates;
  }
  return total;
}

/** The rows of a batch by key. A row that Redis repeats counts once, and fails if it differs. */
export async function readSums(
  accumulator: Accumulator,
  batch: SealedBatchRef,
): Promise<Map<string, Sum>> {
  const sums = new Map<string, Sum>();
  for await (const chunk of accumulator.readSums(batch)) {
    const texts = fromChunk(chunk);
    for (let index = 0; index < texts.length; index += 2) {
      const [field, value] = [texts[index]!, texts[index + 1]!];
      const { amount, pulseCount } = fromSumValue(value);
      const sum = { nanos: toNanos(amount), count: pulseCount };
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

  take(pulse: Pulse): void {
    const id = pulse.id === undefined ? undefined : JSON.stringify([pulse.tenant, pulse.id]);
    if (id !== undefined && this.#seen.has(id)) {
      this.duplicates++;
      return;
    }
    const field = toSumField(pulse);
    const { nanos, count } = this.sums.get(field) ?? { nanos: 0n, count: 0 };
    if (id !== undefined) this.#seen.add(id);
    this.sums.set(field, { nanos: nanos + toNanos(pulse.amount), count: count + 1 });
    this.counted++;
  }
}

export function createTestAccumulator(redis: RedisClient, shards = 1): Accumulator {
  return createAccumulator({ redis, shards });
}

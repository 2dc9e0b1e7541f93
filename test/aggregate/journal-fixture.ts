/** Writes entries, seals, and reads the sums back as text, without the code that folds them. */
import { shardKeys } from '../../src/aggregate/keys.ts';
import { LIBRARY_VERSION } from '../../src/aggregate/library.ts';
import { fromSumField, SUM_BUCKETS } from '../../src/aggregate/sum-field.ts';
import { parseSum } from '../../src/core/amount.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { toNanos } from '../support/pulses.ts';
import type { Sum } from './aggregate-fixture.ts';

export const KEYS = shardKeys(0);

/** The header of a batch of sums, as text. */
export interface Header {
  readonly batchId: string;
  readonly pulses: bigint;
  readonly nanos: bigint;
  readonly windowMinSec: number;
  readonly windowMaxSec: number;
  readonly rows: number;
}

/** Seals what is live; null when nothing is. */
export async function sealSums(redis: RedisClient): Promise<Header | null> {
  const { live, sealedIndex, sealedPrefix } = KEYS;
  const keys = [live, sealedIndex, sealedPrefix];
  const reply = await redis.fcall('pulse_seal', keys.length, ...keys, LIBRARY_VERSION);
  if (reply === null) return null;
  const [batchId, , pulses, amount, min, max, rows] = reply as [string, ...string[]];
  return {
    batchId,
    pulses: BigInt(pulses ?? 0),
    nanos: nanosOf(amount ?? ''),
    windowMinSec: Number(min),
    windowMaxSec: Number(max),
    rows: Number(rows),
  };
}

/** The sums under a header's key, by field. */
export async function readSums(redis: RedisClient, key: string): Promise<Map<string, Sum>> {
  const sums = new Map<string, Sum>();
  for (let bucket = 0; bucket < SUM_BUCKETS; bucket++) {
    for (const [field, value] of Object.entries(await redis.hgetall(`${key}:${bucket}`))) {
      const [count = '', amount = ''] = value.split('\t');
      sums.set(field, { count: Number(count), nanos: nanosOf(amount) });
    }
  }
  return sums;
}

export interface Books {
  readonly appended: bigint;
  readonly journalled: bigint;
  readonly journalBytes: bigint;
  readonly counted: bigint;
  readonly duplicates: bigint;
}

export async function readJournalBooks(redis: RedisClient): Promise<Books> {
  const names = ['appended', 'journalled', 'journal_bytes', 'counted', 'duplicates'];
  const [appended, journalled, journalBytes, counted, duplicates] = (
    await redis.hmget(KEYS.books, ...names)
  ).map((text) => BigInt(text ?? 0)) as [bigint, bigint, bigint, bigint, bigint];
  return { appended, journalled, journalBytes, counted, duplicates };
}

/** Adds the sums of several batches, and checks each header against its sums. */
export function addUp(batches: readonly { header?: Header; sums: Map<string, Sum> }[]) {
  const total = new Map<string, Sum>();
  for (const { sums } of batches) {
    for (const [field, { nanos, count }] of sums) {
      const before = total.get(field) ?? { nanos: 0n, count: 0 };
      total.set(field, { nanos: before.nanos + nanos, count: before.count + count });
    }
  }
  return total;
}

/** What a header says must be what its sums are. */
export function headerOf(sums: Map<string, Sum>): Omit<Header, 'batchId'> {
  const windows = [...sums.keys()].map((field) => fromSumField(field).windowStartSec);
  const all = [...sums.values()];
  return {
    pulses: all.reduce((sum, { count }) => sum + BigInt(count), 0n),
    nanos: all.reduce((sum, { nanos }) => sum + nanos, 0n),
    windowMinSec: Math.min(...windows),
    windowMaxSec: Math.max(...windows),
    rows: all.length,
  };
}

function nanosOf(text: string): bigint {
  const amount = parseSum(text);
  if (amount === undefined) throw new RangeError(`Not an amount: ${text}`);
  return toNanos(amount);
}

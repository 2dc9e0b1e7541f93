import { describe, expect, test } from 'vitest';
import type { SealedBatch } from '../../src/aggregate/accumulator.ts';
import { FatalError, TransientError } from '../../src/core/errors.ts';
import { verifyBooks } from '../../src/flush/books.ts';
import { flushAll, type FlushDeps } from '../../src/flush/flush.ts';
import {
  useFlushFixture,
  dyingAfter,
  expectedSums,
  expectExact,
  SHARDS,
  somePulses,
  WINDOW_SEC,
} from './flush-fixture.ts';
import { fromChunk, toChunk } from '../support/sum-texts.ts';

const fixture = useFlushFixture();

/** Dependencies whose scan of a batch is changed by `change`, which is called for every attempt. */
function scanning(change: (texts: string[], attempt: number) => string[]): FlushDeps {
  let attempt = 0;
  return {
    ...fixture,
    accumulator: {
      ...fixture.accumulator,
      async *readSums(batch) {
        attempt += 1;
        for await (const chunk of fixture.accumulator.readSums(batch)) {
          yield toChunk(change(fromChunk(chunk), attempt));
        }
      },
    },
  };
}

describe('flush', () => {
  test('everything that was counted becomes rows, exactly', async () => {
    const pulses = somePulses(1_000);
    await fixture.count(pulses);
    const report = await flushAll(fixture);
    expect(report).toMatchObject({ pulseCount: 1_000n, batchCount: SHARDS, leftoverCount: 0 });
    expect(report.rowCount).toBe(expectedSums(pulses).length);
    await expectExact(fixture, pulses);
  });

  test('writes nothing when there is nothing to flush', async () => {
    expect(await flushAll(fixture)).toMatchObject({ batchCount: 0, rowCount: 0, pulseCount: 0n });
    expect((await fixture.pool.query('SELECT FROM flush_batches')).rowCount).toBe(0);
  });

  test('a key that is flushed again becomes a second row, and the sum is exact', async () => {
    const [first, second] = [somePulses(200, 'a'), somePulses(200, 'b')];
    await fixture.count(first);
    await flushAll(fixture);
    await fixture.count(second);
    await flushAll(fixture);
    await expectExact(fixture, [...first, ...second]);
  });

  test('a late pulse creates the partition of its month', async () => {
    const pulses = somePulses(10).map((pulse, index) => ({
      ...pulse,
      windowStartSec: index === 0 ? Date.UTC(2023, 11, 31, 23) / 1000 : WINDOW_SEC,
    }));
    await fixture.count(pulses);
    await flushAll(fixture);
    await expectExact(fixture, pulses);
    const { rows } = await fixture.pool.query<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits
       WHERE inhparent = 'pulses'::regclass ORDER BY 1`,
    );
    expect(rows.map(({ name }) => name)).toContain('pulses_2023_12');
  });

  test('two flushes at once write every batch once', async () => {
    const pulses = somePulses(2_000);
    await fixture.count(pulses);
    await Promise.all([flushAll(fixture), flushAll(fixture), flushAll(fixture)]);
    await flushAll(fixture);
    await expectExact(fixture, pulses);
  });

  test('a batch that another flush is writing is skipped, and nothing new is sealed', async () => {
    const pulses = somePulses(300);
    await fixture.count(pulses);
    const second: unknown[] = [];
    await flushAll({
      ...fixture,
      onStep: async (step) => {
        if (step === 'copied') second.push(await flushAll(fixture));
      },
    });
    expect(second[0]).toMatchObject({ skippedCount: 1, leftoverCount: 1 });
    await expectExact(fixture, pulses);
  });
});

describe('a scan that disagrees with the seal', () => {
  test('because rows came twice is repeated without the duplicates', async () => {
    const pulses = somePulses(500);
    await fixture.count(pulses);
    await flushAll(scanning((texts) => [...texts, ...texts.slice(0, 6)]));
    await expectExact(fixture, pulses);
  });

  test('because rows are missing is not committed, stays sealed, and blocks no other batch', async () => {
    const pulses = somePulses(500);
    await fixture.count(pulses);
    const isLost = (field: string | undefined) => field?.startsWith('tenant-1\tsku-1\t');
    const loses = (texts: string[]): string[] =>
      texts.filter((_, index) => !isLost(texts[index - (index % 2)]));
    const flush = flushAll(scanning(loses));
    await expect(flush).rejects.toThrow(FatalError);
    await expect(flush).rejects.toMatchObject({
      code: 'PULSE_FLUSH_MISMATCH',
      message: expect.stringMatching(/was sealed with \d+ rows .* but its scan returned/) as string,
    });
    const ledger = await fixture.pool.query('SELECT FROM flush_batches');
    expect(ledger.rowCount).toBe(SHARDS - 1);
    const books = await verifyBooks(fixture);
    expect(books.balanced).toBe(true);
    expect(books.sealed).toBeGreaterThan(0n);
    // The batch that needs an operator does not block the next pulses.
    const more = somePulses(100, 'more');
    await fixture.count(more);
    await expect(flushAll(scanning(loses))).rejects.toMatchObject({
      code: 'PULSE_FLUSH_MISMATCH',
    });
    expect((await verifyBooks(fixture)).live).toBe(0n);
    await flushAll(fixture);
    await expectExact(fixture, [...pulses, ...more]);
  });
});

describe('a batch that is missing from Redis', () => {
  test('is settled when the ledger has it', async () => {
    const pulses = somePulses(50);
    await fixture.count(pulses);
    const dying = dyingAfter(fixture, 'committed', () => {
      throw new Error('killed');
    });
    await expect(flushAll(dying)).rejects.toThrow('killed');
    const [batch] = await fixture.accumulator.listSealed(0);
    await unlinkSealed(batch);
    expect(await flushAll(fixture)).toMatchObject({ alreadyFlushedCount: 1 });
    expect(await fixture.accumulator.listSealed(0)).toEqual([]);
    await expectExact(fixture, pulses);
  });

  test('is reported when the ledger does not have it', async () => {
    await fixture.count(somePulses(50));
    const batch = await fixture.accumulator.seal(0);
    await unlinkSealed(batch ?? undefined);
    await expect(flushAll(fixture)).rejects.toMatchObject({ code: 'PULSE_FLUSH_MISMATCH' });
    expect((await verifyBooks(fixture)).drift).toBe(batch?.pulseCount);
  });

  test('after it was listed is settled by the ledger', async () => {
    const pulses = somePulses(50);
    await fixture.count(pulses);
    const batches = [await fixture.accumulator.seal(0), await fixture.accumulator.seal(1)];
    await flushAll(fixture);
    const stale = batches.filter((batch) => batch !== null);
    const listSealed = (shard: number): Promise<SealedBatch[]> =>
      Promise.resolve(stale.filter((batch) => batch.shard === shard));
    const deps = { ...fixture, accumulator: { ...fixture.accumulator, listSealed } };
    expect(await flushAll(deps)).toMatchObject({ alreadyFlushedCount: SHARDS, batchCount: 0 });
    await expectExact(fixture, pulses);
  });
});

test('while Postgres is unavailable every pulse stays in Redis, in at most one batch', async () => {
  const pulses = somePulses(100);
  await fixture.count(pulses);
  const pool = Object.assign(Object.create(fixture.pool) as FlushDeps['pool'], {
    connect: () => Promise.reject(new Error('timeout exceeded when trying to connect')),
  });
  for (let hour = 0; hour < 3; hour++) {
    const options = { retryBackoff: { baseMs: 1, capMs: 2 } };
    await expect(flushAll({ ...fixture, pool }, options)).rejects.toThrow(TransientError);
  }
  for (let shard = 0; shard < SHARDS; shard++) {
    expect((await fixture.accumulator.listSealed(shard)).length).toBe(1);
  }
  await flushAll(fixture);
  await expectExact(fixture, pulses);
});

async function unlinkSealed(batch: SealedBatch | undefined): Promise<void> {
  const keys = await fixture.redis.keys(`*sealed:${batch?.batchId ?? 'none'}*`);
  expect(keys.length).toBeGreaterThan(1);
  await fixture.redis.del(keys);
}

import { expect, test } from 'vitest';
import { shardKeys } from '../../src/aggregate/keys.ts';
import { verifyBooks } from '../../src/flush/books.ts';
import { flushAll } from '../../src/flush/flush.ts';
import { appendAll } from '../aggregate/aggregate-fixture.ts';
import { useFlushFixture, SHARDS, somePulses, type FlushFixture } from './flush-fixture.ts';

const fixture = useFlushFixture();

test('the books of an empty installation balance', async () => {
  expect(await verifyBooks(fixture)).toMatchObject({ counted: 0n, drift: 0n, balanced: true });
});

test('every pulse is in exactly one place: flushed, sealed or live', async () => {
  await fixture.count(somePulses(300, 'flushed'));
  await flushAll(fixture);
  await fixture.count(somePulses(200, 'sealed'));
  await fixture.accumulator.seal(0);
  await fixture.accumulator.seal(1);
  await fixture.count(somePulses(100, 'live'));
  await fixture.count(somePulses(40, 'live'));
  const books = await verifyBooks(fixture);
  expect(books).toMatchObject({
    counted: 600n,
    flushed: 300n,
    sealed: 200n,
    live: 100n,
    duplicates: 40n,
    drift: 0n,
    deadLetters: 0n,
    balanced: true,
  });
  expect(books.perShard).toHaveLength(SHARDS);
});

test('a batch that Postgres has lost is seen as drift', async () => {
  await fixture.count(somePulses(300));
  await flushAll(fixture);
  const { rows } = await fixture.pool.query<{ pulse_count: string }>(
    'DELETE FROM flush_batches WHERE shard = 0 RETURNING pulse_count',
  );
  const books = await verifyBooks(fixture);
  expect(books.balanced).toBe(false);
  expect(books.drift).toBe(BigInt(rows[0]?.pulse_count ?? -1));
});

test.each([
  ['counted', { drift: 5n, journalDrift: -5n }],
  ['duplicates', { drift: 0n, journalDrift: -5n }],
  ['appended', { drift: 0n, journalDrift: 5n }],
])('a wrong counter of %s is seen', async (name, drifts) => {
  await fixture.count(somePulses(100));
  await flushAll(fixture);
  await fixture.redis.hincrby(shardKeys(1).books, name, 5);
  expect(await verifyBooks(fixture)).toMatchObject({ ...drifts, balanced: false });
});

test('a journal that has vanished is seen', async () => {
  await fixture.count(somePulses(100));
  await appendAll(fixture.accumulator, somePulses(40, 'journalled'));
  expect(await verifyBooks(fixture)).toMatchObject({ journalled: 40n, balanced: true });
  for (let shard = 0; shard < SHARDS; shard++) await fixture.redis.del(shardKeys(shard).journal);
  expect(await verifyBooks(fixture)).toMatchObject({
    appended: 140n,
    journalled: 0n,
    drift: 0n,
    journalDrift: 40n,
    balanced: false,
  });
});

test('opposite drifts of two shards do not cancel out', async () => {
  await fixture.count(somePulses(300));
  await flushAll(fixture);
  await fixture.pool.query(
    'UPDATE flush_batches SET pulse_count = pulse_count + CASE shard WHEN 0 THEN 1 ELSE -1 END',
  );
  expect(await verifyBooks(fixture)).toMatchObject({ drift: 0n, balanced: false });
});

test.each(['a live batch', 'no live batch'])(
  'a batch that is opened and flushed between the two reads is not counted twice (%s)',
  async (before) => {
    await fixture.count(somePulses(100, 'first'));
    if (before === 'no live batch') await flushAll(fixture);
    let first = true;
    const query = async (sql: string, values: unknown[]) => {
      if (first) {
        first = false;
        await flushAll(fixture);
        await fixture.count(somePulses(100, 'second'));
        await flushAll(fixture);
      }
      return await fixture.pool.query(sql, values);
    };
    const pool = { query } as unknown as FlushFixture['pool'];
    const books = await verifyBooks({ accumulator: fixture.accumulator, pool });
    expect(books).toMatchObject({ counted: 200n, flushed: 200n, drift: 0n, balanced: true });
  },
);

test('the books balance while pulses are counted and flushed at the same time', async () => {
  let busy = true;
  let counted = 0n;
  const ingest = async (): Promise<void> => {
    for (let round = 0; round < 60; round++) {
      await fixture.count(somePulses(50, `round-${round}`));
      counted += 50n;
    }
    busy = false;
  };
  const flush = async (): Promise<void> => {
    while (busy) await flushAll(fixture);
  };
  const verify = async (): Promise<void> => {
    while (busy) expect(await verifyBooks(fixture)).toMatchObject({ drift: 0n, balanced: true });
  };
  await Promise.all([ingest(), flush(), verify()]);
  expect(await verifyBooks(fixture)).toMatchObject({ counted, drift: 0n, balanced: true });
});

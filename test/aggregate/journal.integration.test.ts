/** The calls of the journal, one by one: each guard of the commit, and what an append refuses. */
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { createJournal, type Journal, type Round } from '../../src/aggregate/journal.ts';
import { LiveSums, NO_SUMS } from '../../src/aggregate/live-sums.ts';
import { packKey } from '../../src/aggregate/packed-key.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { parsedPulse } from '../support/pulses.ts';
import { createAccumulator } from '../../src/aggregate/accumulator.ts';
import { entryOf, useRedis } from './aggregate-fixture.ts';
import { KEYS, readJournalBooks, readSums, sealSums } from './journal-fixture.ts';

const TOKEN = 'holder';
const FIELD = 'acme\tvm.small\thours\t2025-11-22T03:00:00Z';

let redis: RedisClient;
let journal: Journal;

useRedis((opened) => {
  redis = opened;
  journal = createJournal(redis);
});

const take = (token: string, milliseconds = 60_000) =>
  journal.lease(0, token, { action: 'take', milliseconds });
const release = (token: string) => journal.lease(0, token, { action: 'release' });

/** Everything in Redis but the lease, to check that nothing was written. */
async function contents(): Promise<Record<string, string>> {
  const keys = (await redis.keys('*')).filter((key) => key !== KEYS.lease).sort();
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return Object.fromEntries(keys.map((key, index) => [key, dumps[index]?.toString('hex') ?? '']));
}

/** A round that folded the journal up to `position` and counted one pulse. */
function roundTo(position: string, sums = oneSum()): Round {
  const ids = { generation: 1, chunk: Buffer.from('0123456789') };
  const round = { position, counted: 1, duplicates: 0, bytes: 0 };
  const generations = '{"next":2}';
  return { ...round, sums: sums.changes(), ids, generations, generationsBefore: '' };
}

/** A round without pulses, which only changes the generations of ids. */
function idleRound(position: string, generationsBefore: string, generations: string): Round {
  const ids = { generation: 1, chunk: Buffer.alloc(0) };
  const round = { position, counted: 0, duplicates: 0, bytes: 0, ids };
  return { ...round, sums: new LiveSums(NO_SUMS).changes(), generations, generationsBefore };
}

function oneSum(sums = new LiveSums(NO_SUMS)): LiveSums {
  const key = packKey(Buffer.from(FIELD), 1_763_780_400);
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  const [slot = -1] = sums.slotsOf(view, Float64Array.of(0));
  sums.add(slot, 3, 0);
  return sums;
}

async function appendOne(): Promise<string> {
  const entry = entryOf([parsedPulse({ id: '1' })]);
  await createAccumulator({ redis, shards: 1 }).append(0, 1, entry);
  const stored = await journal.read(0, { position: '', count: 10, waitMs: 0 });
  expect(stored.at(-1)?.bytes).toEqual(entry);
  return stored.at(-1)?.id ?? '';
}

test('a wait that Redis ends, because it becomes a replica, is a transient error', async () => {
  const id = await redis.client('ID');
  const waiting = journal.read(0, { position: '', count: 1, waitMs: 30_000 });
  const failed = expect(waiting).rejects.toMatchObject({
    code: 'PULSE_REDIS_APPLY',
    retryable: true,
  });
  const other = (redis as Redis).duplicate();
  await expect.poll(() => other.client('UNBLOCK', id, 'ERROR')).toBe(1);
  await failed;
  other.disconnect();
});

describe('a commit', () => {
  let position: string;
  const commit = (token: string, before: string, round: Round) =>
    journal.commit(0, { token, before, round });

  beforeEach(async () => {
    position = await appendOne();
    await take(TOKEN);
  });

  test('writes sums, ids, books and position, and trims the journal', async () => {
    await appendOne();
    expect(await commit(TOKEN, '', roundTo(position))).toBe('committed');
    expect(await readSums(redis, KEYS.live)).toEqual(
      new Map([[FIELD, { count: 1, nanos: 3_000_000_000n }]]),
    );
    expect(await redis.lrange('{0}:ids:1', 0, -1)).toEqual(['0123456789']);
    expect(await redis.hmget(KEYS.books, 'position', 'seen')).toEqual([position, '{"next":2}']);
    expect(await readJournalBooks(redis)).toMatchObject({
      appended: 2n,
      journalled: 1n,
      counted: 1n,
    });
    // Only what is folded may go.
    expect(await redis.xlen(KEYS.journal)).toBe(1);
    const rest = await journal.read(0, { position, count: 10, waitMs: 0 });
    expect(rest).toHaveLength(1);
  });

  test('is refused without the lease, and writes nothing', async () => {
    const before = await contents();
    await expect(commit('another', '', roundTo(position))).rejects.toMatchObject({
      code: 'PULSE_REDIS_LEASE',
    });
    await redis.del(KEYS.lease);
    await expect(commit(TOKEN, '', roundTo(position))).rejects.toMatchObject({
      code: 'PULSE_REDIS_LEASE',
    });
    expect(await contents()).toEqual(before);
  });

  test('is refused from another position, and writes nothing', async () => {
    expect(await commit(TOKEN, '', roundTo(position))).toBe('committed');
    const later = await appendOne();
    const before = await contents();
    const { generations, ...rest } = roundTo(later);
    // Otherwise the generations alone would refuse it.
    const round = { ...rest, generations, generationsBefore: generations };
    for (const position of ['', '1-1']) {
      await expect(commit(TOKEN, position, round)).rejects.toMatchObject({
        code: 'PULSE_REDIS_LEASE',
      });
    }
    expect(await contents()).toEqual(before);
  });

  test('without pulses may be repeated, but a late copy of it changes nothing', async () => {
    const first = idleRound('', '', 'one');
    expect(await commit(TOKEN, '', first)).toBe('committed');
    expect(await commit(TOKEN, '', first)).toBe('committed');
    expect(await commit(TOKEN, '', idleRound('', 'one', 'two'))).toBe('committed');
    const before = await contents();
    await expect(commit(TOKEN, '', first)).rejects.toMatchObject({ code: 'PULSE_REDIS_LEASE' });
    expect(await contents()).toEqual(before);
    expect(await redis.hget(KEYS.books, 'seen')).toBe('two');
  });

  test('that is repeated because its reply was lost counts once', async () => {
    const round = roundTo(position);
    expect(await commit(TOKEN, '', round)).toBe('committed');
    const before = await contents();
    expect(await commit(TOKEN, '', round)).toBe('committed');
    expect(await contents()).toEqual(before);
  });

  test('does not add to a batch that was sealed under it', async () => {
    const sums = oneSum();
    const first = roundTo(position, sums);
    expect(await commit(TOKEN, '', first)).toBe('committed');
    sums.committed(first.sums);
    await sealSums(redis);
    const later = await appendOne();
    const before = await contents();
    const second = () => ({ ...roundTo(later, sums), generationsBefore: first.generations });
    oneSum(sums);
    expect(await commit(TOKEN, position, second())).toBe('sealed');
    expect(await contents()).toEqual(before);
    sums.sealed();
    expect(await commit(TOKEN, position, second())).toBe('committed');
    expect(await readSums(redis, KEYS.live)).toEqual(
      new Map([[FIELD, { count: 1, nanos: 3_000_000_000n }]]),
    );
  });

  test('of a state alone changes no count', async () => {
    const round = {
      ...roundTo('', new LiveSums()),
      counted: 0,
      ids: { generation: 1, chunk: Buffer.alloc(0) },
    };
    expect(await commit(TOKEN, '', round)).toBe('committed');
    expect(await readJournalBooks(redis)).toMatchObject({ journalled: 1n, counted: 0n });
    expect(await redis.hget(KEYS.books, 'seen')).toBe('{"next":2}');
  });
});

describe('an append', () => {
  test('is refused by books of another epoch', async () => {
    await redis.hset(KEYS.books, 'epoch', 'one');
    const other = createAccumulator({ redis, shards: 1, epoch: 'another' });
    await expect(other.append(0, 1, entryOf([parsedPulse()]))).rejects.toMatchObject({
      code: 'PULSE_REDIS_EPOCH',
    });
    expect(await redis.exists(KEYS.journal)).toBe(0);
    const same = createAccumulator({ redis, shards: 1, epoch: 'one' });
    await same.append(0, 1, entryOf([parsedPulse()]));
    expect(await redis.xlen(KEYS.journal)).toBe(1);
  });

  test('is refused while the journal is full, but an empty journal takes any entry', async () => {
    const small = createAccumulator({ redis, shards: 1, journalBytesMax: 20 });
    const entry = entryOf([parsedPulse({ id: '1' })]);
    await small.append(0, 1, entry);
    await expect(small.append(0, 1, entry)).rejects.toMatchObject({
      code: 'PULSE_JOURNAL_FULL',
      retryable: true,
    });
    expect(await readJournalBooks(redis)).toMatchObject({ appended: 1n, journalled: 1n });
  });

  test('a probe is refused until a quarter of the journal is free', async () => {
    const entry = entryOf([parsedPulse({ id: '1' })]);
    const journalOf = (entries: number) =>
      createAccumulator({ redis, shards: 1, journalBytesMax: Math.ceil(entries * entry.length) });
    await journalOf(9).probe(0);
    for (let count = 0; count < 3; count++) await journalOf(9).append(0, 1, entry);
    await journalOf(4).probe(0);
    await expect(journalOf(3.9).probe(0)).rejects.toMatchObject({ code: 'PULSE_JOURNAL_FULL' });
    await journalOf(4).append(0, 1, entry);
    expect(await readJournalBooks(redis)).toMatchObject({ appended: 4n, journalled: 4n });
  });

  test('to the books of a version without a journal begins at what that counted and refused', async () => {
    await redis.hset(KEYS.books, { counted: '9007199254740993', duplicates: '5' });
    const { append, readBooks } = createAccumulator({ redis, shards: 1 });
    const before = await readBooks(0);
    expect(before).toMatchObject({ appended: 9_007_199_254_740_998n, journalled: 0n });
    await append(0, 2, entryOf([parsedPulse(), parsedPulse()]));
    expect(await readBooks(0)).toMatchObject({
      appended: 9_007_199_254_741_000n,
      journalled: 2n,
      counted: 9_007_199_254_740_993n,
      duplicates: 5n,
    });
  });
});

describe('the lease', () => {
  test('with more time left than anyone asks for, because the clock was ahead, is free', async () => {
    await redis.set(KEYS.lease, 'before the failover', 'PX', 600_000);
    expect(await take('another', 3_000)).toEqual(expect.any(Number));
    expect(await take(TOKEN, 3_000)).toBeUndefined();
  });

  test('belongs to one at a time, and can be released by its holder only', async () => {
    expect(await take(TOKEN)).toBeGreaterThan(0);
    expect(await take('another')).toBeUndefined();
    await release('another');
    expect(await take(TOKEN)).toBeGreaterThan(0);
    await release(TOKEN);
    expect(await take('another')).toBeGreaterThan(0);
  });

  test('ends when it is not renewed, and cannot be renewed then', async () => {
    const renew = () => journal.lease(0, TOKEN, { action: 'renew', milliseconds: 60_000 });
    await take(TOKEN);
    expect(await renew()).toBeGreaterThan(0);
    await take(TOKEN, 1);
    await expect.poll(() => redis.exists(KEYS.lease)).toBe(0);
    expect(await renew()).toBeUndefined();
    expect(await take('another')).toBeGreaterThan(0);
    expect(await renew()).toBeUndefined();
  });
});

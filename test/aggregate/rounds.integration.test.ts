/** An aggregator that takes a lease again: when what it has in memory is still right, and when it is not. */
import { expect, test } from 'vitest';
import { createAccumulator } from '../../src/aggregate/accumulator.ts';
import { createJournal, type Journal } from '../../src/aggregate/journal.ts';
import { loadRounds, type Rounds } from '../../src/aggregate/rounds.ts';
import { loadSeenIds } from '../../src/aggregate/seen-ids.ts';
import { TransientError } from '../../src/core/errors.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { parsedPulse } from '../support/pulses.ts';
import { entryOf, useRedis } from './aggregate-fixture.ts';
import { KEYS, readJournalBooks, readSums, sealSums } from './journal-fixture.ts';
import { steady } from './seen-fixture.ts';

const WINDOW_SEC = 6_000;
const NOW_SEC = 1_764_000_000;

let redis: RedisClient;

useRedis((opened) => {
  redis = opened;
});

/** As if the lease of whoever had it had ended. */
async function take(token: string): Promise<void> {
  await redis.set(KEYS.lease, token);
}

async function load(token: string, journal: Journal = createJournal(redis)): Promise<Rounds> {
  await take(token);
  const loadIds = (state: string | null, leaseToken: string) =>
    loadSeenIds({ redis, shard: 0, windowSeconds: WINDOW_SEC, state, leaseToken });
  const options = { shard: 0, journal, loadSeenIds: loadIds };
  const rounds = await loadRounds(options, token, new AbortController().signal);
  rounds.turn(steady(NOW_SEC));
  return rounds;
}

async function append(...ids: (string | undefined)[]): Promise<void> {
  const pulses = ids.map((id) => parsedPulse({ id }));
  await createAccumulator({ redis, shards: 1 }).append(0, pulses.length, entryOf(pulses));
}

async function foldAll(rounds: Rounds): Promise<void> {
  while ((await redis.xlen(KEYS.journal)) > 0) {
    await rounds.step();
    await rounds.commit();
  }
}

/** Folded to the end and committed: two pulses. */
async function loadAndFold(journal?: Journal): Promise<Rounds> {
  await append('1', '2');
  const rounds = await load('first', journal);
  await foldAll(rounds);
  return rounds;
}

async function resume(rounds: Rounds): Promise<boolean> {
  await take('again');
  return rounds.resume('again');
}

const countLive = async (): Promise<number> =>
  [...(await readSums(redis, KEYS.live)).values()].reduce((sum, { count }) => sum + count, 0);

/** An entry that is read, folded and not committed. */
async function openRound(rounds: Rounds, ...ids: string[]): Promise<void> {
  await append(...ids);
  expect(await rounds.step()).toBe(1);
  expect(await readJournalBooks(redis)).toMatchObject({ journalled: BigInt(ids.length) });
}

type Fate = 'answered' | 'not sent' | 'not answered';

/** Loses the lease, and the next commits with it. */
function breakable() {
  const journal = createJournal(redis);
  const fates: Fate[] = [];
  const late: (() => Promise<unknown>)[] = [];
  const commit: Journal['commit'] = async (...args) => {
    const fate = fates.shift() ?? 'answered';
    const reply = fate === 'not sent' ? 'committed' : await journal.commit(...args);
    if (fate === 'answered') return reply;
    late.push(() => journal.commit(...args));
    throw new TransientError('PULSE_REDIS_LEASE', 'The connection is lost, and then the lease.');
  };
  return { fates, late, journal: { ...journal, commit } };
}

test('memory is kept when nobody has committed since', async () => {
  const rounds = await loadAndFold();
  expect(await resume(rounds)).toBe(true);
  await append('2', '3');
  await foldAll(rounds);
  expect(await readJournalBooks(redis)).toMatchObject({ counted: 3n, duplicates: 1n });
  expect(await countLive()).toBe(3);
});

test('an open round is kept too, and counts once', async () => {
  const rounds = await loadAndFold();
  await openRound(rounds, '2', '3');
  expect(await resume(rounds)).toBe(true);
  // Its generation cannot be closed yet.
  rounds.turn(steady(NOW_SEC + WINDOW_SEC));
  await append('3', '4');
  await foldAll(rounds);
  expect(await readJournalBooks(redis)).toMatchObject({ counted: 4n, duplicates: 2n });
  expect(await countLive()).toBe(4);
  // The next aggregator finds the ids of the open round.
  await append('3', '4');
  await foldAll(await load('next'));
  expect(await readJournalBooks(redis)).toMatchObject({ counted: 4n, duplicates: 4n });
});

test('another aggregator that took over and committed nothing leaves memory right', async () => {
  const rounds = await loadAndFold();
  await openRound(rounds, '3');
  await (await load('other')).step();
  expect(await resume(rounds)).toBe(true);
  await foldAll(rounds);
  expect(await countLive()).toBe(3);
});

test('a batch that was sealed meanwhile takes its sums with it', async () => {
  const rounds = await loadAndFold();
  await openRound(rounds, '3');
  expect(await sealSums(redis)).toMatchObject({ pulses: 2n });
  expect(await resume(rounds)).toBe(true);
  await append('3', '4');
  await foldAll(rounds);
  expect(await countLive()).toBe(2);
  expect(await sealSums(redis)).toMatchObject({ pulses: 2n });
});

test('a commit of another makes memory worthless', async () => {
  const rounds = await loadAndFold();
  await append('3');
  await foldAll(await load('other'));
  expect(await resume(rounds)).toBe(false);
});

test('so does one of the same entries that were folded here', async () => {
  const rounds = await loadAndFold();
  await openRound(rounds, '3');
  await foldAll(await load('other'));
  expect(await resume(rounds)).toBe(false);
});

test('so does one without ids', async () => {
  const rounds = await loadAndFold();
  await append(undefined);
  await foldAll(await load('other'));
  expect(await resume(rounds)).toBe(false);
});

test('so does one that only turned the generations of ids', async () => {
  const rounds = await loadAndFold();
  const { position } = await createJournal(redis).marks(0, '');
  await (await load('other')).settle(steady(NOW_SEC + WINDOW_SEC));
  expect(await createJournal(redis).marks(0, '')).toMatchObject({ position });
  expect(await resume(rounds)).toBe(false);
});

test('a commit that was not answered makes memory worthless if it arrived', async () => {
  const { fates, journal } = breakable();
  const rounds = await loadAndFold(journal);
  await openRound(rounds, '3');
  fates.push('not answered');
  await expect(rounds.commit()).rejects.toMatchObject({ code: 'PULSE_REDIS_LEASE' });
  expect(await resume(rounds)).toBe(false);
});

test('a commit that did not arrive belongs to the next one, and is refused when it is late', async () => {
  const { fates, late, journal } = breakable();
  const rounds = await loadAndFold(journal);
  await openRound(rounds, '3');
  fates.push('not sent');
  await expect(rounds.commit()).rejects.toMatchObject({ code: 'PULSE_REDIS_LEASE' });
  expect(await resume(rounds)).toBe(true);
  await expect(late[0]?.()).rejects.toMatchObject({ code: 'PULSE_REDIS_LEASE' });
  await append('3', '4');
  await foldAll(rounds);
  expect(await countLive()).toBe(4);
  // The next aggregator finds all ids.
  await append('3', '4');
  await foldAll(await load('next'));
  expect(await readJournalBooks(redis)).toMatchObject({ counted: 4n, duplicates: 3n });
});

test('ids of a closed generation are stored and dropped under the new lease', async () => {
  const rounds = await loadAndFold();
  expect(await resume(rounds)).toBe(true);
  const settle = async (windows: number): Promise<void> => {
    for (let step = 0; step < 4; step++)
      await rounds.settle(steady(NOW_SEC + windows * WINDOW_SEC));
  };
  await settle(1);
  expect(await redis.exists('{0}:ids:1:0', '{0}:ids:1:0:filter')).toBe(2);
  await settle(3);
  expect(await redis.keys('{0}:ids:*')).toEqual([]);
});

test('before the first commit there is nothing to keep', async () => {
  await append('1');
  const rounds = await load('first');
  await rounds.step();
  expect(await resume(rounds)).toBe(false);
});

/** Everything but the journal: a server that did not receive what came after may take over. */
async function snapshot(): Promise<() => Promise<void>> {
  const keys = (await redis.keys('*')).filter((key) => key !== KEYS.journal);
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return async () => {
    const gone = (await redis.keys('*')).filter((key) => key !== KEYS.journal);
    await redis.del(...gone);
    for (const [index, key] of keys.entries())
      await redis.restore(key, 0, dumps[index] ?? Buffer.alloc(0));
  };
}

test('a Redis that has lost the last commit makes memory worthless', async () => {
  const rounds = await loadAndFold();
  const fallBack = await snapshot();
  await append('3');
  await foldAll(rounds);
  await fallBack();
  expect(await resume(rounds)).toBe(false);
});

test('so does one that has lost a seal', async () => {
  const { fates, journal } = breakable();
  const rounds = await loadAndFold(journal);
  await openRound(rounds, '3');
  const fallBack = await snapshot();
  await sealSums(redis);
  // Finds the seal, and does not arrive the second time.
  fates.push('answered', 'not sent');
  await expect(rounds.commit()).rejects.toMatchObject({ code: 'PULSE_REDIS_LEASE' });
  await fallBack();
  expect(await resume(rounds)).toBe(false);
});

test('so does one that has lost entries of the open round', async () => {
  const rounds = await loadAndFold();
  await openRound(rounds, '3');
  const [entry] = await redis.xrange(KEYS.journal, '-', '+');
  await redis.xdel(KEYS.journal, entry?.[0] ?? '');
  expect(await resume(rounds)).toBe(false);
});

test('so does one that has lost everything', async () => {
  const rounds = await loadAndFold();
  await redis.flushdb();
  expect(await resume(rounds)).toBe(false);
});

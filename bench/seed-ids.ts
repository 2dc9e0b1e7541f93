/** Makes Redis remember any number of ids, without the broker. */
import { randomBytes } from 'node:crypto';
import { shardKeys } from '../src/aggregate/keys.ts';
import { parseSeenState, type Generation } from '../src/aggregate/seen-state.ts';
import { sleep } from '../src/platform/backoff.ts';
import type { Installation } from './installation.ts';
import type { BenchContext } from './scenario.ts';
import { seedSums, whileFolding } from './seed-sums.ts';
import type { ExpectedSums } from './traffic.ts';

/** What the generations that take no more ids remember. */
export interface OlderIds {
  readonly idCount: number;
  readonly generationCount: number;
}

const POLL_MS = 100;

/**
 * Counts one pulse for each id, all of the first key, and closes their generations: whoever meets another id then
 * looks for it in these first. Adds the pulses to what is expected.
 *
 * Only for an installation that is empty, has one shard, and has no worker yet.
 *
 * @throws Error when fewer ids are remembered, or some in the generation that is open.
 */
export async function seedOlderIds(
  { timestamp, tell }: BenchContext,
  installation: Installation,
  { idCount, expected }: { idCount: number; expected: ExpectedSums },
): Promise<OlderIds> {
  const timeMs = Date.parse(timestamp);
  const startedMs = performance.now();
  const idPrefix = randomBytes(8).toString('hex');
  await seedSums(installation, { keyCount: 1, timeMs, idPrefix, pulseCount: idCount });
  expected.addTo(0, { milli: 1_001 * idCount, pulseCount: idCount });
  const untilClosed = async (): Promise<void> => {
    for (;;) {
      const generations = await readGenerations(installation);
      if (generations.at(-1)?.count === 0 && generations.slice(0, -1).every(isInPages)) return;
      await sleep(POLL_MS);
    }
  };
  // Closes the generation in use, whatever its size.
  await whileFolding(installation.redis, untilClosed, 1);
  const older = await readOlderIds(installation);
  if (older.idCount < idCount) {
    throw new Error(
      `${older.generationCount} older generations remember ${older.idCount} ids, not ${idCount}.`,
    );
  }
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  tell(`${older.idCount} ids in ${older.generationCount} older generations, in ${seconds} s`);
  return older;
}

/** The ids of all generations but the one that takes new ids. */
export async function readOlderIds(installation: Installation): Promise<OlderIds> {
  const older = (await readGenerations(installation)).slice(0, -1);
  const idCount = older.reduce((sum, { count }) => sum + count, 0);
  return { idCount, generationCount: older.length };
}

function isInPages({ compact }: Generation): boolean {
  return compact;
}

/** Oldest first; the last one takes new ids. */
async function readGenerations({ redis }: Installation): Promise<readonly Generation[]> {
  return parseSeenState(await redis.hget(shardKeys(0).books, 'seen')).list;
}

/** Makes Redis remember any number of ids, without the broker. */
import { randomBytes } from 'node:crypto';
import { createAccumulator } from '../src/aggregate/accumulator.ts';
import { shardKeys } from '../src/aggregate/keys.ts';
import { sleep } from '../src/platform/backoff.ts';
import type { Installation } from './installation.ts';
import type { BenchContext } from './scenario.ts';
import { seedSums } from './seed-sums.ts';
import type { ExpectedSums } from './traffic.ts';

/** What the generations that take no more ids remember. */
export interface OlderIds {
  readonly idCount: number;
  readonly generationCount: number;
}

/** Redis counts the age of a generation in whole seconds. */
const OLD_ENOUGH_MS = 1_100;
const SHORTEST_WINDOW_SECONDS = 1;

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
  const seed = async (pulseCount: number): Promise<void> => {
    const idPrefix = randomBytes(8).toString('hex');
    await seedSums(installation, { keyCount: 1, timeMs, idPrefix, pulseCount });
    expected.addTo(0, { milli: 1_001 * pulseCount, pulseCount });
  };
  await seed(idCount);
  const [oldest, ...others] = await readGenerations(installation);
  // Closing a second one on the spot makes Redis forget the first, so its ids come once more.
  if (oldest !== undefined && others.length > 0) await seed(oldest.idCount);
  await sleep(OLD_ENOUGH_MS);
  const { redis, accumulator } = installation;
  const dedupeWindowSeconds = SHORTEST_WINDOW_SECONDS;
  await createAccumulator({ redis, shards: accumulator.shards, dedupeWindowSeconds }).probe(0);
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
  const idCount = older.reduce((sum, generation) => sum + generation.idCount, 0);
  return { idCount, generationCount: older.length };
}

/** Oldest first; see generations.lua. */
async function readGenerations({ redis }: Installation): Promise<{ readonly idCount: number }[]> {
  const json = await redis.eval(
    "return cjson.encode(cmsgpack.unpack(redis.call('HGET', KEYS[1], 'generations')).list)",
    1,
    shardKeys(0).books,
  );
  const list = JSON.parse(String(json)) as [number, number, number, number, number][];
  return list.map(([, , , idCount]) => ({ idCount }));
}

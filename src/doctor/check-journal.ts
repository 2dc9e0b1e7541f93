/** What `pulse doctor` checks about the journal: whether an aggregator folds it. */
import { readAllBooks, type BooksReader, type ShardBooks } from '../aggregate/accumulator.ts';
import type { Finding } from '../aggregate/redis-durability.ts';
import { sleep } from '../platform/backoff.ts';
import { danger, ok, warning } from './findings.ts';

/** An aggregator commits every two seconds at most; the next one begins some three seconds after the death of one. */
export const NOT_FOLDED_MS = 30_000;

/** Nobody has the lease in between, so one look without a lease says nothing. */
const LOOKS_APART_MS = 4_000;
const NOTHING_FOLDS =
  'and nothing adds them up: start a worker, or find out in its log why its aggregator stops';

export type JournalFacts = Pick<ShardBooks, 'journalled' | 'journalSinceMs' | 'isLeased'>;

export async function checkJournal(
  accumulator: BooksReader,
  apartMs = LOOKS_APART_MS,
): Promise<Finding> {
  const first = await readAllBooks(accumulator);
  if (!first.some((shard) => isAbandoned(shard, Date.now()))) {
    return judgeJournal(first, Date.now());
  }
  await sleep(apartMs);
  const second = await readAllBooks(accumulator);
  const both = second.map((shard, index) => ({
    ...shard,
    isLeased: shard.isLeased || first[index]?.isLeased === true,
  }));
  return judgeJournal(both, Date.now());
}

/** @param shards One of each. */
export function judgeJournal(shards: readonly JournalFacts[], nowMs: number): Finding {
  const name = 'journal';
  const journalled = shards.reduce((sum, shard) => sum + shard.journalled, 0n);
  const late = shards.filter((shard) => ageMs(shard, nowMs) > NOT_FOLDED_MS);
  const detail = `${journalled} pulses are not in the sums yet`;
  if (shards.some((shard) => isAbandoned(shard, nowMs))) {
    return danger(name, `${detail}, some from a clock that was ahead, ${NOTHING_FOLDS}`);
  }
  if (late.length === 0) return ok(name, detail);
  const seconds = Math.round(Math.max(...late.map((shard) => ageMs(shard, nowMs))) / 1000);
  const oldest = `${detail}, the oldest for ${seconds} s`;
  return late.some(({ isLeased }) => !isLeased)
    ? danger(name, `${oldest}, ${NOTHING_FOLDS}`)
    : warning(
        name,
        `${oldest}: the aggregator is slower than ingest, or cannot commit; see the worker's log`,
      );
}

/** The ids of a stream never go back. After its clock did, new entries have no age, and only the lease tells. */
function isAbandoned(shard: JournalFacts, nowMs: number): boolean {
  return ageMs(shard, nowMs) < 0 && !shard.isLeased;
}

/** Below zero: the oldest entry was appended when Redis' clock was ahead. */
function ageMs({ journalSinceMs }: JournalFacts, nowMs: number): number {
  return journalSinceMs === null ? 0 : nowMs - journalSinceMs;
}

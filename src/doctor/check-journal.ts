/** What `pulse doctor` checks about the journal: whether an aggregator folds it. */
import type { Accumulator, ShardBooks } from '../aggregate/accumulator.ts';
import type { Finding } from '../aggregate/redis-durability.ts';
import { danger, ok, warning } from './findings.ts';

/** An aggregator commits every two seconds at most; the next one begins some three seconds after the death of one. */
const NOT_FOLDED_MS = 30_000;

export type JournalFacts = Pick<ShardBooks, 'journalled' | 'journalSinceMs' | 'isLeased'>;

export async function checkJournal({
  shards,
  readBooks,
}: Pick<Accumulator, 'shards' | 'readBooks'>): Promise<Finding> {
  const books: JournalFacts[] = [];
  for (let shard = 0; shard < shards; shard++) books.push(await readBooks(shard));
  return judgeJournal(books, Date.now());
}

/** @param shards One of each. */
export function judgeJournal(shards: readonly JournalFacts[], nowMs: number): Finding {
  const name = 'journal';
  const journalled = shards.reduce((sum, shard) => sum + shard.journalled, 0n);
  const late = shards.filter((shard) => ageMs(shard, nowMs) > NOT_FOLDED_MS);
  const detail = `${journalled} pulses are not in the sums yet`;
  if (late.length === 0) return ok(name, detail);
  const seconds = Math.round(Math.max(...late.map((shard) => ageMs(shard, nowMs))) / 1000);
  const oldest = `${detail}, the oldest for ${seconds} s`;
  return late.some(({ isLeased }) => !isLeased)
    ? danger(
        name,
        `${oldest}, and nothing adds them up: start a worker, or find out in its log why its aggregator stops`,
      )
    : warning(
        name,
        `${oldest}: the aggregator is slower than ingest, or cannot commit; see the worker's log`,
      );
}

function ageMs({ journalSinceMs }: JournalFacts, nowMs: number): number {
  return journalSinceMs === null ? 0 : nowMs - journalSinceMs;
}

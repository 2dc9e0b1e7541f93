/** What `pulse doctor` checks about the flush: whether sums reach Postgres when FLUSH_CRON says. */
import {
  readAllBooks,
  type BooksReader,
  type SealedBatch,
  type ShardBooks,
} from '../aggregate/accumulator.ts';
import type { Finding } from '../aggregate/redis-durability.ts';
import { readCron } from '../flush/cron-clock.ts';
import { danger, ok, warning } from './findings.ts';

/** A flush of a large hour, and its retries, take a while. */
const FLUSH_LATE_MS = 15 * 60_000;

export type HeldBatches = Pick<ShardBooks, 'live' | 'sealed'>;

export async function checkFlush(accumulator: BooksReader, flushCron: string): Promise<Finding> {
  return judgeFlush(await readAllBooks(accumulator), { flushCron, nowMs: Date.now() });
}

/**
 * Finds batches that are still there long after the tick that should have taken them.
 *
 * @param shards One of each.
 */
export function judgeFlush(
  shards: readonly HeldBatches[],
  { flushCron, nowMs }: { readonly flushCron: string; readonly nowMs: number },
): Finding {
  const name = 'flush';
  // A batch is opened by its first pulse, and taken by the next tick.
  const lastTickMs = readCron(flushCron).lastTick(nowMs - FLUSH_LATE_MS) ?? -Infinity;
  const isLate = ({ openedAtSec }: Pick<SealedBatch, 'openedAtSec'>): boolean =>
    openedAtSec * 1000 < lastTickMs;
  const leftovers = shards.flatMap(({ sealed }) => sealed).filter(isLate);
  if (leftovers.length > 0) {
    const oldestSec = Math.min(...leftovers.map(({ openedAtSec }) => openedAtSec));
    const since = new Date(oldestSec * 1000).toISOString();
    return danger(
      name,
      `${leftovers.length} sealed batches were never finished, the oldest holds pulses since ${since}: ` +
        '`pulse flush` tries again and says why it fails',
    );
  }
  if (shards.some(({ live }) => live !== null && isLate(live))) {
    return warning(
      name,
      `FLUSH_CRON (${flushCron}) called for a flush that did not happen: check that a worker runs. ` +
        '`pulse flush` catches up',
    );
  }
  return ok(name, 'nothing is overdue');
}

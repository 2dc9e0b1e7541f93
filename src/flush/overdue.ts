/** Whether a flush was missed before a process started. */
import type { Accumulator } from '../aggregate/accumulator.ts';
import { readCron } from './cron-clock.ts';

export interface OverdueOptions {
  readonly accumulator: Pick<Accumulator, 'shards' | 'readBooks'>;
  readonly cron: string;
  readonly nowMs: number;
}

/**
 * Whether an earlier flush left a sealed batch, or a tick of `cron` passed after pulses had been counted, while no
 * process ran.
 */
export async function isFlushOverdue({
  accumulator,
  cron,
  nowMs,
}: OverdueOptions): Promise<boolean> {
  const lastTickMs = readCron(cron).lastTick(nowMs) ?? -Infinity;
  for (let shard = 0; shard < accumulator.shards; shard++) {
    const { sealed, live } = await accumulator.readBooks(shard);
    if (sealed.length > 0) return true;
    if (live !== null && live.openedAtSec * 1000 < lastTickMs) return true;
  }
  return false;
}

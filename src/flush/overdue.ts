/** Whether a flush is waiting to be made up when a process starts. */
import { createTask } from 'node-cron';
import type { Accumulator } from '../aggregate/accumulator.ts';

export interface OverdueOptions {
  readonly accumulator: Pick<Accumulator, 'shards' | 'readBooks'>;
  readonly cron: string;
  readonly nowMs: number;
}

/** A search that would take more steps is given up; the flush is then called overdue, which is harmless. */
const STEPS_MAX = 50_000;

/**
 * Tells whether an earlier flush left a sealed batch behind, or a tick of `cron` went by, while
 * nobody ran, after pulses had been counted.
 */
export async function isFlushOverdue({
  accumulator,
  cron,
  nowMs,
}: OverdueOptions): Promise<boolean> {
  for (let shard = 0; shard < accumulator.shards; shard++) {
    const { sealed, live } = await accumulator.readBooks(shard);
    if (sealed.length > 0) return true;
    if (live !== null && tickedBetween(cron, live.openedAtSec * 1000, nowMs)) return true;
  }
  return false;
}

/** Whether `cron` (UTC) has a tick in the span (afterMs, untilMs]. Looks backwards from its end. */
export function tickedBetween(cron: string, afterMs: number, untilMs: number): boolean {
  const task = createTask(cron, () => undefined, { timezone: 'UTC' });
  try {
    // Five fields tick on full minutes only.
    const stepMs = cron.trim().split(/\s+/).length > 5 ? 1_000 : 60_000;
    let atMs = Math.floor(untilMs / stepMs) * stepMs;
    for (let step = 0; atMs > afterMs; step++, atMs -= stepMs) {
      if (step >= STEPS_MAX || task.match(new Date(atMs))) return true;
    }
    return false;
  } finally {
    void task.destroy();
  }
}

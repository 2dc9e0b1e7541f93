/** Whether a flush was missed before a process started, and how many ticks passed without one. */
import type { Accumulator } from '../aggregate/accumulator.ts';
import { floorTo, readCron } from './cron-clock.ts';

export interface OverdueOptions {
  readonly accumulator: Pick<Accumulator, 'shards' | 'readBooks'>;
  readonly cron: string;
  readonly nowMs: number;
}

/** A search stops after this many steps; the flush then counts as overdue, which is harmless. */
const STEPS_MAX = 50_000;

/**
 * Whether an earlier flush left a sealed batch, or a tick of `cron` passed after pulses had been counted, while no
 * process ran.
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

/** Whether `cron` (UTC) has a tick in (afterMs, untilMs]. Searches backwards. */
export function tickedBetween(cron: string, afterMs: number, untilMs: number): boolean {
  const clock = readCron(cron);
  try {
    let atMs = floorTo(clock.stepMs, untilMs);
    for (let step = 0; atMs > afterMs; step++, atMs -= clock.stepMs) {
      if (step >= STEPS_MAX || clock.ticksAt(atMs)) return true;
    }
    return false;
  } finally {
    clock.close();
  }
}

export interface TickCounter {
  /** Ticks in (sinceMs, nowMs]; 0 if `sinceMs` is undefined. Cheap to repeat with the same `sinceMs`. */
  count(sinceMs: number | undefined, nowMs: number): number;
  close(): void;
}

/** @param cron In UTC. */
export function createTickCounter(cron: string): TickCounter {
  const clock = readCron(cron);
  let since: number | undefined;
  let lookedUntilMs = 0;
  let ticks = 0;
  return {
    count(sinceMs, nowMs) {
      if (sinceMs === undefined) return 0;
      if (sinceMs !== since) {
        since = sinceMs;
        ticks = 0;
        // Further back, the count is so large that its value does not matter.
        lookedUntilMs = Math.max(sinceMs, nowMs - STEPS_MAX * clock.stepMs);
      }
      for (let atMs = floorTo(clock.stepMs, lookedUntilMs) + clock.stepMs; atMs <= nowMs;) {
        if (clock.ticksAt(atMs)) ticks += 1;
        lookedUntilMs = atMs;
        atMs += clock.stepMs;
      }
      return ticks;
    },
    close() {
      clock.close();
    },
  };
}

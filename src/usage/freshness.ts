/** What an answer may say about how complete it is. Pure. */
import { windowStartSec } from '../core/window.ts';
import type { Freshness } from './usage-query.ts';

/**
 * A pulse's age is checked when it is received, and it may be added up a little later; clocks of two
 * machines differ. So long after a pulse is too old nobody holds one any more that was not.
 */
const LATEST_PULSE_GRACE_MS = 3_600_000;

export interface FreshnessFacts {
  /** When the question came, or the instant as of which it was asked. */
  readonly atMs: number;
  /** The earliest hours of what had been counted and was not flushed then. */
  readonly unflushedSinceMs: readonly number[];
  /** How old a pulse may be to be counted. */
  readonly pulseAgeMaxMs: number;
  readonly provisional: boolean;
  readonly pending: number | null;
}

/** The hour that runs is never complete, and the hours of batches that wait are not either. */
export function toFreshness(facts: FreshnessFacts): Freshness {
  const { atMs, unflushedSinceMs, pulseAgeMaxMs, provisional, pending } = facts;
  const completeThroughMs = Math.min(hourOf(atMs), ...unflushedSinceMs);
  const lastPossibleMs = hourOf(atMs - pulseAgeMaxMs - LATEST_PULSE_GRACE_MS);
  const finalThroughMs = Math.min(completeThroughMs, lastPossibleMs);
  return { completeThroughMs, finalThroughMs, provisional, pending };
}

function hourOf(ms: number): number {
  return windowStartSec(ms) * 1000;
}

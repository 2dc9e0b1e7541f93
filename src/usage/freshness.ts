/** How complete an answer is. Pure. */
import { windowStartSec } from '../core/window.ts';
import type { Freshness } from './usage.ts';

/**
 * The age of a pulse is checked when it is received, and the pulse is appended to the journal a little later; the clocks
 * of two machines may differ. After this time no pulse that was young enough can still be on its way to the journal.
 */
const LATEST_PULSE_GRACE_MS = 3_600_000;

export interface FreshnessFacts {
  /** When the question was asked, or its `as_of`. */
  readonly atMs: number;
  /** The earliest window of each batch that was counted and not flushed then. */
  readonly unflushedSinceMs: readonly number[] | 'unknown';
  /** When the oldest pulses in the journal were appended; they may be of any window that was open then. */
  readonly journalSinceMs: number | undefined;
  /** How old a pulse may be to be counted. */
  readonly pulseAgeMaxMs: number;
  readonly windowSeconds: number;
  readonly provisional: boolean;
  readonly pending: number | null;
  readonly journalled: number | null;
}

/** The current window is never complete, nor are the windows of batches that are not flushed. */
export function toFreshness(facts: FreshnessFacts): Freshness {
  const { atMs, unflushedSinceMs, pulseAgeMaxMs, windowSeconds, provisional } = facts;
  const { pending, journalled, journalSinceMs = atMs } = facts;
  const windowOf = (ms: number): number => windowStartSec(ms, windowSeconds) * 1000;
  const lastPossibleMs = windowOf(
    Math.min(atMs, journalSinceMs) - pulseAgeMaxMs - LATEST_PULSE_GRACE_MS,
  );
  const incompleteSinceMs = unflushedSinceMs === 'unknown' ? [lastPossibleMs] : unflushedSinceMs;
  const completeThroughMs = Math.min(windowOf(atMs), ...incompleteSinceMs);
  const finalThroughMs = Math.min(completeThroughMs, lastPossibleMs);
  return { completeThroughMs, finalThroughMs, provisional, pending, journalled };
}

/** As the API and the command line answer it. */
export function freshnessToJson(freshness: Freshness) {
  return {
    complete_through: freshnessInstant(freshness.completeThroughMs),
    final_through: freshnessInstant(freshness.finalThroughMs),
    provisional: freshness.provisional,
    pending: freshness.pending,
    journalled: freshness.journalled,
  };
}

export function freshnessInstant(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

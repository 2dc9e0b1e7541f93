/** The answers to a replay that sent nothing. */
import { ProblemError } from '../http/problems.ts';
import { historyFull } from './fixable.ts';
import { QUARANTINE_PROBLEMS } from './quarantine-problems.ts';
import type { DeadLetterDetail } from './quarantine.ts';
import type { ReplayDeps, ReplayOutcome } from './replay.ts';

/** Whoever calls it has found the dead letter, so `missing` only means that it was not there a moment ago. */
export function replayRefusal(
  outcome: Exclude<ReplayOutcome, 'replayed' | 'overtaken'>,
  { maybeCountedSince }: Pick<DeadLetterDetail, 'maybeCountedSince'>,
  { dedupeWindowSeconds }: Pick<ReplayDeps, 'dedupeWindowSeconds'>,
): ProblemError {
  if (outcome === 'full') return historyFull();
  if (outcome === 'unroutable') {
    return new ProblemError(QUARANTINE_PROBLEMS.PULSE_API_DEAD_LETTER_UNROUTABLE);
  }
  return new ProblemError(QUARANTINE_PROBLEMS.PULSE_API_DEAD_LETTER_FORGOTTEN, {
    detail:
      `It may have been counted since ${maybeCountedSince?.toISOString() ?? 'unknown'}, and ids are ` +
      `remembered for ${dedupeWindowSeconds} seconds. If you know that it was not, send even_if_forgotten.`,
  });
}

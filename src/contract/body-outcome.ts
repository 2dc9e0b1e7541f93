/** What becomes of one pulse of a body. */
import type { ParsedPulse } from './pulse.ts';
import type { Rejection } from './rejection.ts';

export interface Refusal {
  readonly rejection: Rejection;
  /** What is refused: one element of an array, or the whole body. */
  readonly body: Buffer;
}

/** A plain pulse when accepted, because a wrapper for each one would cost time. */
export type BodyOutcome = ParsedPulse | Refusal;

export function isRefusal(outcome: BodyOutcome): outcome is Refusal {
  return 'rejection' in outcome;
}

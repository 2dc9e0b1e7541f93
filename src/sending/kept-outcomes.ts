/** The outcomes of a request as its Idempotency-Key keeps them: without what follows from the request and the seed. */
import type { Refusal, SendOutcome, SentPulse } from './sent-pulse.ts';

interface KeptOutcomes {
  /** Each different refusal once. */
  readonly refusals: readonly Refusal[];
  /** For each pulse 0 if it was accepted, else the number of its refusal, from 1. */
  readonly outcomes: readonly number[];
}

/** @param outcomes None is unconfirmed. */
export function packOutcomes(outcomes: readonly SendOutcome[]): string {
  const numbers = new Map<string, number>();
  const refusals: Refusal[] = [];
  const packed = outcomes.map((outcome) => {
    if (outcome.status !== 'rejected') return 0;
    const { field, code, reason } = outcome;
    const identity = JSON.stringify([field, code, reason]);
    let number = numbers.get(identity);
    if (number === undefined) {
      number = refusals.push({ field, code, reason });
      numbers.set(identity, number);
    }
    return number;
  });
  const kept: KeptOutcomes = { refusals, outcomes: packed };
  return JSON.stringify(kept);
}

/** @param pulses Those of the same request. Accepted ones without an id have that of `idAt`. */
export function unpackOutcomes(
  packed: string,
  pulses: readonly SentPulse[],
  idAt: (index: number) => string,
): SendOutcome[] {
  const { refusals, outcomes } = JSON.parse(packed) as KeptOutcomes;
  return outcomes.map((number, index) => {
    const refusal = refusals[number - 1];
    if (refusal !== undefined) return { index, status: 'rejected', ...refusal };
    return { index, status: 'accepted', id: ownIdOf(pulses[index]) ?? idAt(index) };
  });
}

function ownIdOf(pulse: SentPulse | undefined): string | undefined {
  // It was accepted, so it is an object whose id, if it has one, is a string.
  return pulse?.ok === true ? (pulse.value as { id?: string }).id : undefined;
}

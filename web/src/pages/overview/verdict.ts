/** The status in one sentence. */
import type { Status } from '../../api/status-stream.ts';
import { count, duration } from '../../parts/words.ts';

export interface Verdict {
  readonly color: 'green' | 'orange' | 'red';
  readonly title: string;
  readonly reasons: readonly string[];
}

/** A pulse that has waited for longer is late. */
const LATE_SECONDS = 60;

export function verdictOf(status: Status): Verdict {
  const { books, ingest, unavailable, problems, dead_letters: deadLetters, deliveries } = status;
  const wrong = [
    ...(books === null || books.balanced ? [] : [driftOf(books.drift)]),
    ...unavailable.map((server) => `${server} does not answer.`),
    ...problems.map((problem) => `${problem.charAt(0).toUpperCase()}${problem.slice(1)}.`),
  ];
  const noted = [
    ...(ingest?.paused === true ? [pausedOf(ingest)] : []),
    ...lateOf(status.oldest_pulse_seconds),
    ...(deadLetters === null || deadLetters.open === 0
      ? []
      : [`${count(deadLetters.open, 'dead letter waits', 'dead letters wait')} for a decision.`]),
    ...(deliveries === null || deliveries.endpoints.failing === 0
      ? []
      : [`${count(deliveries.endpoints.failing, 'endpoint is', 'endpoints are')} failing.`]),
  ];
  const reasons = [...wrong, ...noted];
  if (wrong.length > 0) return { color: 'red', title: 'Something is wrong', reasons };
  if (ingest?.paused === true) return { color: 'orange', title: 'Counting is paused', reasons };
  if (noted.length > 0)
    return { color: 'orange', title: 'Counting, with things to see to', reasons };
  return { color: 'green', title: 'Every pulse is counted', reasons };
}

function driftOf(drift: number): string {
  const found = count(Math.abs(drift), 'pulse');
  if (drift === 0) return 'The books of the journal do not balance.';
  return drift > 0 ? `${found} lost.` : `${found} counted twice.`;
}

function pausedOf({ by, note }: NonNullable<Status['ingest']>): string {
  return `Paused by ${by ?? 'somebody'}${note === null ? '' : `: ${note}`}`;
}

function lateOf(seconds: number | null): string[] {
  if (seconds === null || seconds < LATE_SECONDS) return [];
  return [`The oldest pulse has waited for ${duration(seconds)}.`];
}

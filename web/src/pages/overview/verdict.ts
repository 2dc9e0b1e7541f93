/** The status in one sentence. */
import type { Status } from '../../api/status.ts';
import { count, digits, duration } from '../../parts/words.ts';
import { openOf } from './counted.ts';

export interface Reason {
  readonly text: string;
  /** The page that shows it, and where something can be done about it. */
  readonly path?: string;
}

export interface Verdict {
  readonly color: 'green' | 'orange' | 'red';
  readonly title: string;
  readonly reasons: readonly Reason[];
  /** Whether Health says more about one of them. */
  readonly isForHealth: boolean;
}

/** A pulse that has waited for longer is late. */
const LATE_SECONDS = 60;
/** Fewer messages are on their way at any time. */
const WAITING_MAX = 100;

export function verdictOf(status: Status): Verdict {
  const { books, ingest, unavailable, problems, deliveries } = status;
  const wrong = [
    ...(books === null || books.balanced ? [] : [driftOf(books.drift)]),
    ...parkedOf(status.parked_queue?.ready ?? 0),
    ...unavailable.map((server) => `${server} does not answer.`),
    ...problems.map((problem) => `${problem.charAt(0).toUpperCase()}${problem.slice(1)}.`),
  ];
  const noted: readonly Reason[] = [
    ...(ingest?.paused === true ? [{ text: pausedOf(ingest) }] : []),
    ...(books === null ? [{ text: 'The books are not known yet.' }] : []),
    ...waitingOf(status),
    ...deadLettersOf(status),
    ...endpointsOf(deliveries?.endpoints.failing ?? 0),
  ];
  const more = {
    reasons: [...wrong.map((text) => ({ text })), ...noted],
    isForHealth: wrong.length > 0,
  };
  if (wrong.length > 0) return { color: 'red', title: 'Something is wrong', ...more };
  if (ingest?.paused === true) return { color: 'orange', title: 'Counting is paused', ...more };
  if (noted.length > 0)
    return { color: 'orange', title: 'Counting, with things to see to', ...more };
  return { color: 'green', title: 'Every pulse is counted', ...more };
}

function driftOf(drift: number): string {
  const found = count(Math.abs(drift), 'pulse');
  if (drift === 0) return 'The books of the journal do not balance.';
  return drift > 0 ? `${found} lost.` : `${found} counted twice.`;
}

function pausedOf({ by, note }: NonNullable<Status['ingest']>): string {
  return `Paused by ${by ?? 'somebody'}${note === null ? '' : `: ${note}`}`;
}

/** They are not counted, and nobody sees them in the quarantine. */
function parkedOf(parked: number): string[] {
  if (parked === 0) return [];
  return [
    `${count(parked, 'dead letter is', 'dead letters are')} parked: Postgres cannot store them.`,
  ];
}

function waitingOf({ queue, oldest_pulse_seconds: oldest, sums }: Status): Reason[] {
  const ready = queue?.ready ?? 0;
  const journalSeconds = sums?.journal_seconds ?? 0;
  const texts = [
    ...(ready > WAITING_MAX ? [`${digits(ready)} messages of pulses wait in the queue.`] : []),
    ...(oldest !== null && oldest >= LATE_SECONDS
      ? [`The oldest pulse has waited for ${duration(oldest)}.`]
      : []),
    ...(journalSeconds >= LATE_SECONDS
      ? [`A pulse in the journal has waited for ${duration(journalSeconds)} to be counted.`]
      : []),
  ];
  return texts.map((text) => ({ text, path: '/health' }));
}

function deadLettersOf({ dead_queue: deadQueue, dead_letters: deadLetters }: Status): Reason[] {
  const onTheWay = deadQueue?.ready ?? 0;
  const refused = count(onTheWay, 'refused pulse is', 'refused pulses are');
  return [
    ...(onTheWay === 0 ? [] : [{ text: `${refused} not in the quarantine yet.`, path: '/health' }]),
    ...(deadLetters === null || deadLetters.open === 0
      ? []
      : [{ text: `${openWords(deadLetters)} for a decision.`, path: '/dead-letters' }]),
  ];
}

function endpointsOf(failing: number): Reason[] {
  if (failing === 0) return [];
  const text = `${count(failing, 'endpoint is', 'endpoints are')} failing.`;
  return [{ text, path: '/events/endpoints' }];
}

function openWords(deadLetters: NonNullable<Status['dead_letters']>): string {
  const open = openOf(deadLetters);
  return `${open} ${open === '1' ? 'dead letter waits' : 'dead letters wait'}`;
}

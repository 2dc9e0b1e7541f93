/** What operators ask first: what waits where, what is counted, and what is wrong. */
import type { EpochVerdict } from '../aggregate/epoch.ts';
import { count } from '../cli/wording.ts';
import type { DeliveryDepth } from '../delivery/delivery-metrics.ts';
import type { UnservedEndpoints } from '../delivery/unserved-endpoints-query.ts';
import { isSenderMissing } from '../doctor/check-deliveries.ts';
import { isExporterMissing, type OpenExports } from '../doctor/check-exports.ts';
import { NOT_FOLDED_MS } from '../doctor/check-journal.ts';
import { OUTBOX_LATE_SECONDS } from '../doctor/check-messages.ts';
import { ANNOUNCED_LATE_SECONDS, PROCESSOR_LATE_SECONDS } from '../doctor/check-processor.ts';
import type { BooksVerdict } from '../flush/books-watch.ts';
import type { PauseState } from '../ingest/pauses-query.ts';
import type { OpenDeadLetters } from '../quarantine/open-dead-letters-query.ts';

export const SERVER_NAMES = ['rabbitmq', 'redis', 'postgres'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export interface Depth {
  readonly ready: number;
  readonly consumers: number;
}

export interface Outbox {
  /** Due, or refused by RabbitMQ. */
  readonly waiting: number;
  readonly oldestSeconds: number;
  /** For later, such as retries. */
  readonly scheduled: number;
}

export interface MessageQueue extends Depth {
  readonly name: string;
  /** False: its messages wait until somebody asks for one. */
  readonly needsConsumers: boolean;
}

/** All in pulses, of all shards, unless the name says otherwise. */
export interface Sums {
  /** All that was ever written to the journal. Only grows, except by `pulse recover`, like `counted` and `duplicates`. */
  readonly received: bigint;
  readonly counted: bigint;
  readonly duplicates: bigint;
  readonly journalled: bigint;
  /** Of the oldest pulse in the journal; 0 when it is empty. */
  readonly journalSeconds: number;
  readonly live: bigint;
  readonly sealed: bigint;
  /** Sealed batches. */
  readonly leftovers: number;
  /** Of the oldest sum that is not in Postgres; 0 when there is none. */
  readonly unflushedSeconds: number;
}

/** A value is null when the server that knows it does not answer. */
export interface Status {
  readonly at: Date;
  readonly ingest: PauseState | null;
  readonly queue: Depth | null;
  readonly deadQueue: Depth | null;
  readonly parkedQueue: Depth | null;
  /** Without the queues that do not exist yet. */
  readonly messageQueues: readonly MessageQueue[] | null;
  /** Of the oldest pulse that waits or is being counted; null also where this process cannot know it. */
  readonly oldestPulseSeconds: number | null;
  readonly sums: Sums | null;
  /** Null also while no look at them has succeeded. */
  readonly books: BooksVerdict | null;
  /** Null also when there was none. */
  readonly lastFlushAt: Date | null;
  /** By the cron expression of this process; null where it is not known. */
  readonly nextFlushAt: Date | null;
  readonly deadLetters: readonly OpenDeadLetters[] | null;
  readonly outbox: Outbox | null;
  readonly deliveries: DeliveryDepth | null;
  readonly workflows: { readonly waiting: number } | null;
  readonly exports: OpenExports | null;
  /** Servers that did not answer, or hold nothing of Pulse yet. */
  readonly unavailable: readonly ServerName[];
  /** Sentences about what is wrong though every server answers. */
  readonly problems: readonly string[];
}

/** What the servers say that is only shown as a problem. */
export interface Hidden {
  /** Why RabbitMQ takes no pulses of producers; undefined if it does, or does not answer. */
  readonly notPublished: string | undefined;
  /** Whether a flush that was due has not happened. */
  readonly isFlushLate: boolean;
  /** Undefined when Postgres does not answer. */
  readonly unserved: UnservedEndpoints | undefined;
  /** For how long a change of a subscription has been due; undefined as above. */
  readonly changeDueSeconds: number | undefined;
  /** For how long a flushed hour has waited to be announced; undefined as above. */
  readonly unannouncedSeconds: number | undefined;
  /** Undefined when it cannot be told. */
  readonly verdict: EpochVerdict | undefined;
  readonly shards: number;
  /** Undefined before the first start. */
  readonly storedShards: string | undefined;
}

type Shown = Omit<Status, 'problems'>;

/** Each problem that `pulse doctor` calls a danger, or that somebody waits for. */
export function problemsOf(found: Shown, hidden: Hidden): string[] {
  return [
    ...settingProblems(hidden),
    ...queueProblems(found, hidden),
    ...sumProblems(found, hidden),
    ...waitingProblems(found, hidden),
  ];
}

function settingProblems({ verdict, shards, storedShards = String(shards) }: Hidden): string[] {
  const problems: string[] = [];
  if (verdict === 'different') {
    problems.push('Redis has lost its data, or Redis and Postgres do not belong together');
  }
  if (storedShards !== String(shards)) {
    problems.push(`SHARDS is ${shards}, but this installation uses ${storedShards}`);
  }
  return problems;
}

function queueProblems(found: Shown, { notPublished }: Hidden): string[] {
  const { ingest, queue, deadQueue, parkedQueue, messageQueues } = found;
  const problems: string[] = [];
  if (notPublished !== undefined)
    problems.push(`${notPublished}, so no pulse of a producer is taken`);
  if (queue !== null && queue.ready > 0 && queue.consumers === 0 && ingest?.paused !== true) {
    problems.push(`nothing counts the ${queue.ready} pulses that wait: no worker consumes them`);
  }
  if (deadQueue !== null && deadQueue.ready > 0 && deadQueue.consumers === 0) {
    const letters = count(deadQueue.ready, 'dead letter');
    problems.push(`nothing puts the ${letters} into the quarantine: no worker runs`);
  }
  if (parkedQueue !== null && parkedQueue.ready > 0) {
    problems.push(`Postgres cannot store ${count(parkedQueue.ready, 'dead letter')}`);
  }
  for (const { name, ready, consumers, needsConsumers } of messageQueues ?? []) {
    if (ready > 0 && consumers === 0 && needsConsumers) {
      problems.push(`nothing handles the ${count(ready, 'message')} in ${name}`);
    }
  }
  return problems;
}

function sumProblems({ sums, books }: Shown, { isFlushLate }: Hidden): string[] {
  const problems: string[] = [];
  if (sums !== null && sums.journalSeconds * 1000 > NOT_FOLDED_MS) {
    problems.push(`pulses have waited for ${sums.journalSeconds} s to be added up`);
  }
  if (sums !== null && isFlushLate) {
    problems.push(`a flush is overdue: sums have waited for ${sums.unflushedSeconds} s`);
  }
  if (books?.balanced === false) {
    problems.push('the books do not balance: do not bill from them until you know why');
  }
  return problems;
}

function waitingProblems({ outbox, exports }: Shown, hidden: Hidden): string[] {
  const { unserved, changeDueSeconds = 0, unannouncedSeconds = 0 } = hidden;
  const problems: string[] = [];
  if (outbox !== null && outbox.oldestSeconds > OUTBOX_LATE_SECONDS) {
    problems.push(`the outbox has waited for ${outbox.oldestSeconds} s to be published`);
  }
  if (exports !== null && isExporterMissing(exports)) {
    problems.push(`no exporter makes the ${count(exports.queued, 'export')} in the queue`);
  }
  if (unserved !== undefined && isSenderMissing(unserved)) {
    const { endpointCount, oldestSeconds } = unserved;
    const waited = `webhooks have waited for ${Math.round(oldestSeconds)} s`;
    problems.push(`no sender serves ${count(endpointCount, 'endpoint')}: ${waited}`);
  }
  if (changeDueSeconds > PROCESSOR_LATE_SECONDS) {
    const seconds = Math.round(changeDueSeconds);
    problems.push(`a change of a subscription has been due for ${seconds} s and is not in effect`);
  }
  if (unannouncedSeconds > ANNOUNCED_LATE_SECONDS) {
    const seconds = Math.round(unannouncedSeconds);
    problems.push(`usage that was flushed ${seconds} s ago is not announced to its customer`);
  }
  return problems;
}

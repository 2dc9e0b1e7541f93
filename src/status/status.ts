/** What operators ask first: what waits where, what is counted, and what is wrong. */
import type { EpochVerdict } from '../aggregate/epoch.ts';
import { count } from '../cli/wording.ts';
import type { DeliveryDepth } from '../delivery/delivery-metrics.ts';
import type { UnservedEndpoints } from '../delivery/unserved-endpoints-query.ts';
import { isSenderMissing } from '../doctor/check-deliveries.ts';
import { isExporterMissing, type OpenExports } from '../doctor/check-exports.ts';
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
  /** By the cron expression of this process; null when the next one is far away. */
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
export interface Settings {
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

export function problemsOf(
  found: Pick<Status, 'ingest' | 'queue' | 'outbox' | 'exports' | 'messageQueues'>,
  settings: Settings,
): string[] {
  const { ingest, queue, outbox, exports, messageQueues } = found;
  const { verdict, shards, storedShards = String(shards) } = settings;
  const { unserved, changeDueSeconds = 0, unannouncedSeconds = 0 } = settings;
  const problems: string[] = [];
  if (verdict === 'different') {
    problems.push('Redis has lost its data, or Redis and Postgres do not belong together');
  }
  if (queue !== null && queue.ready > 0 && queue.consumers === 0 && ingest?.paused !== true) {
    problems.push(`nothing counts the ${queue.ready} pulses that wait: no worker consumes them`);
  }
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
  for (const { name, ready, consumers, needsConsumers } of messageQueues ?? []) {
    if (ready > 0 && consumers === 0 && needsConsumers) {
      problems.push(`nothing handles the ${count(ready, 'message')} in ${name}`);
    }
  }
  if (storedShards !== String(shards)) {
    problems.push(`SHARDS is ${shards}, but this installation uses ${storedShards}`);
  }
  return problems;
}

/** The status as the API answers it, with counts of any size exact. */
import { exactJsonText, type ExactJson } from '../core/exact-json.ts';
import type { Status } from './status.ts';
import type { HistoryPoint } from './status-reader.ts';

/** JSON text. */
export function statusText(status: Status): string {
  return exactJsonText(toStatusJson(status));
}

/** JSON text. */
export function historyText({ data }: { readonly data: readonly HistoryPoint[] }): string {
  return exactJsonText({ data: data.map(toPointJson) });
}

function toStatusJson(status: Status): ExactJson {
  const { ingest, messageQueues, sums, books, deadLetters, deliveries, exports } = status;
  return {
    at: status.at.toISOString(),
    ingest: ingest && {
      paused: ingest.paused,
      by: ingest.by,
      note: ingest.note,
      since: instant(ingest.since),
    },
    queue: depth(status.queue),
    dead_queue: depth(status.deadQueue),
    parked_queue: depth(status.parkedQueue),
    message_queues:
      messageQueues?.map(({ name, needsConsumers, ...one }) => ({
        ...{ name, ready: exact(one.ready), consumers: exact(one.consumers) },
        needs_consumers: needsConsumers,
      })) ?? null,
    oldest_pulse_seconds: exact(status.oldestPulseSeconds),
    sums: sums && {
      received: exact(sums.received),
      counted: exact(sums.counted),
      duplicates: exact(sums.duplicates),
      journalled: exact(sums.journalled),
      journal_seconds: exact(sums.journalSeconds),
      live: exact(sums.live),
      sealed: exact(sums.sealed),
      leftovers: exact(sums.leftovers),
      unflushed_seconds: exact(sums.unflushedSeconds),
    },
    books: books && {
      drift: exact(books.drift),
      journal_drift: exact(books.journalDrift),
      balanced: books.balanced,
      at: books.at.toISOString(),
    },
    last_flush_at: instant(status.lastFlushAt),
    next_flush_at: instant(status.nextFlushAt),
    dead_letters: deadLetters && {
      open: exact(deadLetters.reduce((sum, { count }) => sum + count, 0)),
      by_reason: deadLetters.map(({ reason, count }) => ({ reason, count: exact(count) })),
    },
    outbox: status.outbox && {
      waiting: exact(status.outbox.waiting),
      oldest_seconds: exact(status.outbox.oldestSeconds),
      scheduled: exact(status.outbox.scheduled),
    },
    deliveries: deliveries && {
      due: exact(deliveries.dueCount),
      late_seconds: exact(Math.round(deliveries.lateSeconds)),
      endpoints: {
        healthy: exact(deliveries.endpoints.healthy),
        failing: exact(deliveries.endpoints.failing),
        disabled: exact(deliveries.endpoints.disabled),
      },
    },
    workflows: status.workflows && { waiting: exact(status.workflows.waiting) },
    exports: exports && {
      queued: exact(exports.queued),
      running: exact(exports.running),
      oldest_seconds: exact(exports.oldestSeconds),
    },
    unavailable: status.unavailable,
    problems: status.problems,
  };
}

function toPointJson(point: HistoryPoint): ExactJson {
  return {
    at: point.at.toISOString(),
    received: exact(point.received),
    counted: exact(point.counted),
    queue_ready: exact(point.queueReady),
    oldest_pulse_seconds: exact(point.oldestPulseSeconds),
    journalled: exact(point.journalled),
    live: exact(point.live),
    dead_letters: exact(point.deadLetters),
    outbox: exact(point.outbox),
    deliveries: exact(point.deliveries),
  };
}

function depth(known: Status['queue']): ExactJson {
  return known && { ready: exact(known.ready), consumers: exact(known.consumers) };
}

function instant(known: Date | null): string | null {
  return known?.toISOString() ?? null;
}

/** A number as exactJsonText takes it. */
function exact(known: number | bigint | null): ExactJson {
  return known === null ? null : `\0${known}`;
}

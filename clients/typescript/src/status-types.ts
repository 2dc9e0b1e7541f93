/** How the whole installation is. */

export interface QueueDepth {
  readonly ready: number;
  readonly consumers: number;
}

export interface IngestState {
  readonly paused: boolean;
  readonly by: string | null;
  readonly note: string | null;
  readonly since: string | null;
}

/** What a server knows is null when it does not answer. Counts above 2^53 are rounded by JavaScript. */
export interface Status {
  readonly at: string;
  readonly ingest: IngestState | null;
  readonly queue: QueueDepth | null;
  readonly dead_queue: QueueDepth | null;
  readonly parked_queue: QueueDepth | null;
  readonly message_queues:
    readonly (QueueDepth & { readonly name: string; readonly needs_consumers: boolean })[] | null;
  readonly oldest_pulse_seconds: number | null;
  readonly sums: {
    readonly received: number;
    readonly counted: number;
    readonly duplicates: number;
    readonly journalled: number;
    readonly journal_seconds: number;
    readonly live: number;
    readonly sealed: number;
    readonly leftovers: number;
    readonly unflushed_seconds: number;
  } | null;
  readonly books: {
    readonly drift: number;
    readonly journal_drift: number;
    readonly balanced: boolean;
    readonly at: string;
  } | null;
  readonly last_flush_at: string | null;
  readonly next_flush_at: string | null;
  readonly dead_letters: {
    readonly open: number;
    readonly by_reason: readonly { readonly reason: string; readonly count: number }[];
  } | null;
  readonly outbox: {
    readonly waiting: number;
    readonly oldest_seconds: number;
    readonly scheduled: number;
  } | null;
  readonly deliveries: {
    readonly due: number;
    readonly late_seconds: number;
    readonly endpoints: {
      readonly healthy: number;
      readonly failing: number;
      readonly disabled: number;
    };
  } | null;
  readonly workflows: { readonly waiting: number } | null;
  readonly exports: {
    readonly queued: number;
    readonly running: number;
    readonly oldest_seconds: number;
  } | null;
  readonly unavailable: readonly ('rabbitmq' | 'redis' | 'postgres')[];
  readonly problems: readonly string[];
}

export interface StatusPoint {
  readonly at: string;
  readonly received: number | null;
  readonly counted: number | null;
  readonly queue_ready: number | null;
  readonly oldest_pulse_seconds: number | null;
  readonly journalled: number | null;
  readonly live: number | null;
  readonly dead_letters: number | null;
  readonly outbox: number | null;
  readonly deliveries: number | null;
}

export interface Finding {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'danger';
  readonly detail: string;
}

export interface Examination {
  readonly at: string;
  readonly findings: readonly Finding[];
}

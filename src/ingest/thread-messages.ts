/** The messages between the main thread and an ingest thread. */
import type { MessagePort } from 'node:worker_threads';
import type { Config, ServerUrls } from '../config.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { AdmissionRow } from '../contract/admission.ts';
import type { RejectionReason } from '../contract/rejection.ts';
import type { ArmedCrashPoint } from '../platform/crash-points.ts';
import type { LoggerOptions, LogLevel } from '../platform/logger.ts';
import type { TracingOptions } from '../platform/tracing-options.ts';
import { addUsages, type UnsubscribedUsages } from './unsubscribed-usage.ts';

/** The one task of an ingest thread: consume until told to drain. */
export interface IngestTask {
  readonly servers: Pick<ServerUrls, 'rabbitmqUrl' | 'redisUrl'>;
  readonly queue: string;
  readonly shards: number;
  /** How many replicas of Redis must have a batch before it is acknowledged. */
  readonly redisReplicasMin: number;
  readonly journalBytesMax: number;
  readonly ingest: Config['ingest'];
  /** Start without consuming. */
  readonly paused: boolean;
  /** The subscriptions; none with admission off. */
  readonly admissionRows: readonly AdmissionRow[];
  readonly dedupeSecret: string;
  /** The epoch of Redis to count with; see aggregate/epoch.ts. */
  readonly epoch: string;
  /** Count even if Redis may lose what it has acknowledged. */
  readonly allowUnsafeRedis: boolean;
  readonly log: LoggerOptions;
  /** Undefined: no traces. */
  readonly tracing: TracingOptions | undefined;
  /** Where a fault test stops this thread or its process. */
  readonly crashAt: ArmedCrashPoint | undefined;
  /** Carries ThreadNotice to the main thread and ThreadCommand back. */
  readonly port: MessagePort;
}

/**
 * How a thread's task ended. A value, because an error loses its code on the way out of a thread. If a thread throws,
 * that is a defect, and the thread is replaced.
 */
export type ThreadEnd =
  | { readonly kind: 'drained' }
  | { readonly kind: 'fatal'; readonly code: ErrorCode; readonly message: string };

export type ThreadCommand =
  /** Settle and acknowledge what is in flight, close, and end the task, within the time. */
  | { readonly kind: 'drain'; readonly withinMs: number }
  /** `pause`: take nothing more until `resume`; settle and acknowledge what is held. */
  | { readonly kind: 'pause' | 'resume' }
  | { readonly kind: 'log level'; readonly level: LogLevel }
  /** Subscriptions that have changed. */
  | { readonly kind: 'admission'; readonly rows: readonly AdmissionRow[] }
  /** What was read after the request `ticket` was sent before; or nothing could be read. */
  | { readonly kind: 'admission read'; readonly ticket: number; readonly isFresh: boolean };

/**
 * `consuming` deliveries; `waiting` for RabbitMQ or Redis, taking nothing; `paused` by a person, connected and holding
 * nothing; `full`, taking nothing, because it holds as many refused deliveries as it may and cannot dead-letter them.
 */
export type ThreadState = 'consuming' | 'waiting' | 'paused' | 'full';

export type ThreadNotice =
  | { readonly kind: 'state'; readonly state: ThreadState }
  | { readonly kind: 'report'; readonly counts: IngestCounts; readonly held: HeldDeliveries }
  /** Asks for subscriptions that are read from now on. */
  | { readonly kind: 'admission wanted'; readonly ticket: number }
  /** The traceparents of batches that were settled and recorded as spans. */
  | { readonly kind: 'traced'; readonly traceparents: readonly string[] };

/** What a thread has taken and not acknowledged yet. */
export interface HeldDeliveries {
  readonly deliveries: number;
  /** Those of them that are held only because their dead letters cannot be published. */
  readonly refused: number;
  /** The earliest AMQP timestamp, or time of receipt for those without, of pulses that are not counted yet. */
  readonly oldestSentAtMs: number | null;
  /** When the first of those was received; null when there is none. */
  readonly oldestReceivedAtMs: number | null;
}

export const NOTHING_HELD: HeldDeliveries = {
  deliveries: 0,
  refused: 0,
  oldestSentAtMs: null,
  oldestReceivedAtMs: null,
};

/** What happened to pulses since the last report. received = appended + dead-lettered. */
export interface IngestCounts {
  deliveries: number;
  batches: number;
  received: number;
  /** Written to the journal. */
  appended: number;
  /** Pulses without any id that were redelivered or applied again. Only these may be counted twice. */
  redeliveredWithoutId: number;
  deadLettered: Partial<Record<RejectionReason, number>>;
  /** Pulses without a subscription: counted with `observe`, dead-lettered with `enforce`. */
  unsubscribed: number;
  /** Pulses that were counted although no known subscription admits them, because none could be read. */
  unverified: number;
  unsubscribedUsages: UnsubscribedUsages;
  /** How long the thread's event loop was busy. */
  busySeconds: number;
  /** One entry a batch: its pulses. */
  batchPulses: number[];
  /** One entry a batch: from sending it to Redis until it was durably in the journal. */
  applySeconds: number[];
  /** One entry an acknowledgement: the time since the batch's first delivery was received. */
  ackLagSeconds: number[];
}

export function noCounts(): IngestCounts {
  return {
    deliveries: 0,
    batches: 0,
    received: 0,
    appended: 0,
    redeliveredWithoutId: 0,
    deadLettered: {},
    unsubscribed: 0,
    unverified: 0,
    unsubscribedUsages: new Map(),
    busySeconds: 0,
    batchPulses: [],
    applySeconds: [],
    ackLagSeconds: [],
  };
}

/** Adds `more` to `total` in place. */
export function addCounts(total: IngestCounts, more: IngestCounts): void {
  total.deliveries += more.deliveries;
  total.batches += more.batches;
  total.received += more.received;
  total.appended += more.appended;
  total.redeliveredWithoutId += more.redeliveredWithoutId;
  total.unsubscribed += more.unsubscribed;
  total.unverified += more.unverified;
  addUsages(total.unsubscribedUsages, more.unsubscribedUsages.values());
  total.busySeconds += more.busySeconds;
  total.batchPulses.push(...more.batchPulses);
  total.applySeconds.push(...more.applySeconds);
  total.ackLagSeconds.push(...more.ackLagSeconds);
  for (const [reason, count] of Object.entries(more.deadLettered)) {
    const key = reason as RejectionReason;
    total.deadLettered[key] = (total.deadLettered[key] ?? 0) + count;
  }
}

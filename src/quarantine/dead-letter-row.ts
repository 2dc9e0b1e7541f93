/** A dead letter as the table keeps it, and the words for what people do with it. */
import type { RejectionReason } from '../contract/rejection.ts';
import type { TenantScope } from '../core/tenant-scope.ts';

/**
 * - `quarantined`: waits for a person.
 * - `replayed`: sent through the queue again, confirmed by the broker. Back to `quarantined` when it
 *   is refused again.
 * - `discarded`: given up by a person, with a note. Kept, and may still be replayed by its id.
 */
export const DEAD_LETTER_STATES = ['quarantined', 'replayed', 'discarded'] as const;
export type DeadLetterState = (typeof DEAD_LETTER_STATES)[number];

/** Who acts, and how that is known: by a token or key, or by what was said on the command line. */
export interface Actor {
  readonly name: string;
  readonly via: 'api' | 'command_line';
  /** Whose dead letters the actor may touch. */
  readonly scope: TenantScope;
}

/** Which dead letters; what is undefined does not restrict. */
export interface DeadLetterFilters {
  /** Whose dead letters may be seen at all; those that name nobody belong to `all` alone. */
  readonly scope?: TenantScope | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly state?: DeadLetterState | undefined;
  readonly reason?: RejectionReason | undefined;
  /** Compared exactly with what the body names; a body that cannot be read names nobody. */
  readonly tenant?: string | undefined;
  readonly messageId?: string | undefined;
  /** Received at `fromMs` or later, before `toMs`; milliseconds since 1970. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/** A dead letter as it is listed; without the body, which may be large. */
export interface DeadLetterRow {
  readonly id: string;
  readonly state: DeadLetterState;
  readonly reason: RejectionReason;
  readonly detail: string;
  readonly tenant: string | null;
  readonly messageId: string | null;
  readonly pulseIndex: number | null;
  /** Of the body that a replay would send. */
  readonly bodyBytes: number;
  /** Whether a person has replaced the body. */
  readonly isFixed: boolean;
  readonly exchange: string | null;
  readonly routingKey: string | null;
  readonly redelivered: boolean;
  readonly receivedAt: Date;
  /** Its place in a list; see cursor.ts. */
  readonly cursor: string;
}

/** One line of a dead letter's history. */
export interface DeadLetterAction {
  readonly action: 'fixed' | 'replay_started' | 'replayed' | 'reopened' | 'discarded';
  /** Null: Pulse itself. */
  readonly actor: string | null;
  readonly via: Actor['via'] | 'quarantine';
  readonly at: Date;
  readonly note: string | null;
  /** SHA-256 in hex. */
  readonly bodySha256Before: string | null;
  readonly bodySha256: string | null;
}

/** Everything about one dead letter. Bodies are cut at `SHOWN_BYTES_MAX`. */
export interface DeadLetterDetail extends DeadLetterRow {
  /** The AMQP content header: `{"headers": {…}, "messageId": …, "timestampSec": …}`. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** What a replay would send. */
  readonly body: Buffer;
  /** What was sent at first, when a person has replaced it. */
  readonly originalBody: Buffer | null;
  readonly maybeCountedSince: Date | null;
  /** Oldest first; the newest 500. */
  readonly actions: readonly DeadLetterAction[];
}

/** What a replay needs of a dead letter. */
export interface ReplayableDeadLetter {
  readonly id: string;
  readonly body: Buffer;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly pulseIndex: number | null;
  readonly receivedAt: Date;
}

/** Bytes of a body that are shown; as large as the largest body that ingest takes by default. */
export const SHOWN_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Reasons that say nothing about whether the pulse had been counted before: the broker gave it up
 * after deliveries of which any may have been applied, or the sum had room at another attempt.
 */
export const MAYBE_COUNTED_REASONS: readonly RejectionReason[] = [
  'delivery_limit',
  'sum_overflow',
  'unknown',
];

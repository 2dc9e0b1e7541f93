/** The quarantine's types: dead letters as they are stored, their states, and the actions on them. */
import type { DeadLetterReason } from '../contract/rejection.ts';
import type { TenantScope } from '../core/tenant-scope.ts';

/**
 * - `quarantined`: waits for a decision.
 * - `replayed`: sent through the queue again, and confirmed by the broker. It returns to `quarantined` when
 *   it is refused again.
 * - `discarded`: given up, with a note. The row is kept, and can still be replayed by its id.
 */
export const DEAD_LETTER_STATES = ['quarantined', 'replayed', 'discarded'] as const;
export type DeadLetterState = (typeof DEAD_LETTER_STATES)[number];

/** Who acts. */
export interface Actor {
  readonly name: string;
  /** `api`: proven by a token or key; `command_line`: as stated there. */
  readonly via: 'api' | 'command_line';
  /** The tenants whose dead letters the actor may change. */
  readonly scope: TenantScope;
}

/** Which dead letters; an undefined member does not restrict. */
export interface DeadLetterFilters {
  /** The tenants whose dead letters the caller may see; those without a tenant are only in `all`. */
  readonly scope?: TenantScope | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly state?: DeadLetterState | undefined;
  readonly reason?: DeadLetterReason | undefined;
  /** Compared exactly with the tenant in the body; an unreadable body has none. */
  readonly tenant?: string | undefined;
  /** Messages of this queue; undefined: dead letters of all queues. */
  readonly queue?: string | undefined;
  /** The id that the pulse counts under. */
  readonly pulseId?: string | undefined;
  readonly messageId?: string | undefined;
  /** Received at `fromMs` or later, before `toMs`; milliseconds since 1970. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

export interface DeadLetterPage {
  /** 1 to 1,000. */
  readonly limit: number;
  /** The cursor of the last row of the previous page. */
  readonly after?: string | undefined;
  /** Default: newest first. */
  readonly order?: 'newest' | 'oldest';
}

/** A dead letter in a list, without its body, which may be large. */
export interface DeadLetterRow {
  readonly id: string;
  readonly state: DeadLetterState;
  readonly reason: DeadLetterReason;
  readonly detail: string;
  readonly tenant: string | null;
  /** What the pulse counts under; null too for a row from before Pulse kept it. */
  readonly pulseId: string | null;
  readonly messageId: string | null;
  /** Where it could not be handled, and where a replay goes; null: the queue of pulses. */
  readonly queue: string | null;
  readonly pulseIndex: number | null;
  /** Of the body that a replay sends. */
  readonly bodyBytes: number;
  /** Whether a person has replaced the body. */
  readonly isFixed: boolean;
  readonly exchange: string | null;
  readonly routingKey: string | null;
  readonly redelivered: boolean;
  readonly receivedAt: Date;
  /** Its place in a list; see http/cursor.ts. */
  readonly cursor: string;
}

/**
 * A dead letter with so many actions is neither fixed nor replayed again. A replay adds two or three. Whoever may
 * replay could otherwise add rows without end, which are never deleted.
 */
export const ACTIONS_MAX = 1_000;

/** One entry of a dead letter's history. */
export interface DeadLetterAction {
  readonly action: 'fixed' | 'replay_started' | 'replayed' | 'reopened' | 'discarded';
  /** Null for Pulse itself. */
  readonly actor: string | null;
  readonly via: Actor['via'] | 'quarantine';
  readonly at: Date;
  readonly note: string | null;
  /** SHA-256 in hex. */
  readonly bodySha256Before: string | null;
  readonly bodySha256: string | null;
}

/** One dead letter with its bodies, cut at `SHOWN_BYTES_MAX`, and its history. */
export interface DeadLetterDetail extends DeadLetterRow {
  /** The AMQP content header: `{"headers": {…}, "messageId": …, "timestampSec": …}`. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** What a replay sends. */
  readonly body: Buffer;
  /** What was sent originally, if a person has replaced it; null too if it is not the caller's to see. */
  readonly originalBody: Buffer | null;
  /** Whom the original body names; null where there is none to see, or it names no tenant or several. */
  readonly originalTenant: string | null;
  readonly maybeCountedSince: Date | null;
  /** Oldest first; at most the newest 500. */
  readonly actions: readonly DeadLetterAction[];
}

export interface ReplayableDeadLetter {
  readonly id: string;
  readonly body: Buffer;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly pulseIndex: number | null;
  readonly queue: string | null;
  readonly receivedAt: Date;
}

/** Bytes of a body that are shown: the largest body that ingest accepts by default. */
export const SHOWN_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Reasons after which the pulse may have been counted before: any of the deliveries before the limit may have
 * been applied, or an earlier attempt may have found room in the sum, or a subscription.
 */
export const MAYBE_COUNTED_REASONS: readonly DeadLetterReason[] = [
  'delivery_limit',
  'sum_overflow',
  'no_subscription',
  'unknown',
];

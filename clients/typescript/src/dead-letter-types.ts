/** Dead letters: pulses that could not be counted, and messages that could not be handled. */

/** `quarantined` waits for a decision. A `replayed` one that is refused again is `quarantined` again. */
export type DeadLetterState = 'quarantined' | 'replayed' | 'discarded';

/** Which dead letters; texts are compared exactly. */
export interface DeadLettersFilter {
  readonly reason?: string;
  /** Only of this tenant, if the body could be read. */
  readonly tenant?: string;
  /** The id of a pulse. */
  readonly pulse_id?: string;
  readonly message_id?: string;
  /** Such as `orders.enrichment`. Pulses have no queue here. */
  readonly queue?: string;
  /** Received at this instant or later. */
  readonly from?: string | Date;
  /** Received before this instant. */
  readonly to?: string | Date;
}

export interface DeadLettersQuery extends DeadLettersFilter {
  readonly state?: DeadLetterState;
  /** Rows on a page, 1 to 1,000. Default: 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

/** A dead letter without its body. */
export interface DeadLetter {
  readonly id: string;
  readonly state: DeadLetterState;
  readonly reason: string;
  readonly detail: string;
  readonly tenant: string | null;
  /** Its own id or the one of its message; null if it has none, or it is older than this member. */
  readonly pulse_id: string | null;
  readonly message_id: string | null;
  /** The queue that a replay goes to; null: the queue of pulses. */
  readonly queue: string | null;
  readonly pulse_index: number | null;
  readonly body_bytes: number;
  readonly is_fixed: boolean;
  /** Where it was first published. */
  readonly exchange: string | null;
  readonly routing_key: string | null;
  readonly redelivered: boolean;
  readonly received_at: string;
}

export interface DeadLettersPage {
  readonly data: readonly DeadLetter[];
  readonly next: string | null;
}

/** `base64` for bytes that are not UTF-8. */
export interface DeadLetterBody {
  readonly encoding: 'utf8' | 'base64';
  readonly content: string;
}

export interface DeadLetterAction {
  readonly action: 'fixed' | 'replay_started' | 'replayed' | 'reopened' | 'discarded';
  /** Null for Pulse itself. */
  readonly actor: string | null;
  readonly via: 'api' | 'command_line' | 'quarantine';
  readonly at: string;
  readonly note: string | null;
  /** In hex, of the body that was replaced. */
  readonly body_sha256_before: string | null;
  /** In hex, of the body that replaced it or was sent. */
  readonly body_sha256: string | null;
}

export interface DeadLetterDetail extends DeadLetter {
  /** AMQP properties and headers. */
  readonly properties: Readonly<Record<string, unknown>>;
  readonly body: DeadLetterBody;
  /** Whether `body` is only its first 8 MiB. */
  readonly body_is_cut: boolean;
  /** What was sent originally, if a person has replaced it; null too if its tenant is not one of yours. */
  readonly original_body: DeadLetterBody | null;
  /** The tenant in the original body, where you may see that body. */
  readonly original_tenant: string | null;
  /** Since when it may have been counted; null if it was not. */
  readonly maybe_counted_since: string | null;
  /** Oldest first; at most the newest 500. */
  readonly actions: readonly DeadLetterAction[];
}

export interface DeadLetterFix {
  /** The complete new body, at most 8 MiB. */
  readonly content: string;
  /** Default: `utf8`. */
  readonly encoding?: 'utf8' | 'base64';
  /** Why, for the history; at most 1,000 characters. */
  readonly note?: string;
}

export interface DeadLetterReplayOptions {
  /** Replay even if its id may be forgotten. If the pulse was counted, it is then counted twice. */
  readonly even_if_forgotten?: boolean;
}

export interface DeadLetterReplay {
  /** `overtaken`: sent, and meanwhile refused again or changed by another caller. */
  readonly outcome: 'replayed' | 'overtaken';
  readonly dead_letter: DeadLetter;
}

/** At least one filter is needed, so that a mistake does not change the whole quarantine. */
export interface DeadLettersBulk extends DeadLettersFilter {
  /** At most this many, 1 to 1,000. Default: 100. */
  readonly limit?: number;
  /** Only count, and show the first. */
  readonly dry_run?: boolean;
}

export interface DeadLettersReplayRequest extends DeadLettersBulk, DeadLetterReplayOptions {
  /** 1 to 1,000; `limit` divided by it may be at most 30. Default: 100. */
  readonly rate_per_second?: number;
  /** `next` of an earlier answer. */
  readonly after?: string;
}

export interface DeadLettersDiscardRequest extends DeadLettersBulk {
  /** Why, for the history; 1 to 1,000 characters. */
  readonly note: string;
}

export interface DeadLettersPreview {
  /** How many were quarantined and matched at the beginning. */
  readonly matched: number;
  readonly by_reason: Readonly<Record<string, number>>;
  /** The oldest five. */
  readonly first: readonly DeadLetter[];
  readonly dry_run: boolean;
}

export interface DeadLettersReplay extends DeadLettersPreview {
  /** Sent, and confirmed by RabbitMQ. */
  readonly replayed: number;
  /** Sent, and meanwhile refused again or changed by another caller. */
  readonly overtaken: number;
  /** Not sent: may have been counted so long ago that the id is forgotten. */
  readonly forgotten: number;
  /** Not sent: its history has as many actions as it may have. */
  readonly full: number;
  /** Not sent: the queue that it came from no longer exists. */
  readonly unroutable: number;
  /** Not sent: changed by another caller just before. */
  readonly missing: number;
  /** `stopped`: ran out of time; `failed`: a server did not answer. */
  readonly end: 'finished' | 'limit' | 'stopped' | 'failed';
  /** Send it as `after` to continue; null at the end. */
  readonly next: string | null;
  readonly error: string | null;
}

export interface DeadLettersDiscard extends DeadLettersPreview {
  readonly discarded: number;
}

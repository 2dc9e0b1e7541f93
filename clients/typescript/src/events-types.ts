/** Events: what producers tell clients. A client is a customer. */

export interface Producer {
  readonly id: string;
  readonly name: string | null;
  readonly created_at: string;
  /** When its name last changed. */
  readonly updated_at: string;
}

export interface ProducersPage {
  readonly data: readonly Producer[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}

export interface NewEventType {
  /** JSON Schema 2020-12 for the data of an event. */
  readonly schema: object;
  readonly description?: string;
}

/** One version of an event type. */
export interface EventType {
  readonly name: string;
  /** From 1. Events are validated against the newest. */
  readonly version: number;
  readonly schema: object;
  readonly description: string | null;
  /** It may refuse what the version before it accepts. */
  readonly is_breaking: boolean;
  /** `pulse` is Pulse itself. */
  readonly created_by: string;
  readonly created_at: string;
}

export interface EventTypesPage {
  /** By name. */
  readonly data: readonly EventType[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}

export interface EventTypeVersionsPage {
  /** Newest first. */
  readonly data: readonly EventType[];
  /** `after` of the next page; null on the last. */
  readonly next: number | null;
}

export interface NewEvent {
  /** 1 to 256 characters, unique for the producer. Keep it when you send the event again. */
  readonly id: string;
  /** The id of a registered producer. */
  readonly producer: string;
  /** The name of an event type. */
  readonly type: string;
  /** The id of a customer. */
  readonly client: string;
  /** Any JSON that the schema of the type allows. */
  readonly data: unknown;
  /** When it happened. Default: when it is stored. */
  readonly timestamp?: string | Date;
}

export interface EventOutcome {
  /** The position in the request, from 0. */
  readonly index: number;
  /** `duplicate`: the client has an event of the producer with this id; that one stays as it is. */
  readonly status: 'stored' | 'duplicate' | 'rejected';
  /**
   * Only if rejected, such as `unknown_client`, or `id_taken`: another client has an event with this id. `too_costly`:
   * send the event again, with fewer at a time.
   */
  readonly code?: string;
  /** A JSON pointer to what is wrong; empty for the whole event. */
  readonly pointer?: string;
  readonly detail?: string;
}

/** An event as it is stored. */
export interface Message {
  readonly producer: string;
  readonly id: string;
  readonly type: string;
  /** The version that `data` was validated against. */
  readonly type_version: number;
  readonly client: string;
  /** From 1, without a gap for each client. */
  readonly number: number;
  /** When it happened. */
  readonly timestamp: string;
  readonly stored_at: string;
  /** Numbers as JavaScript reads them: beyond 15 digits, send a text. */
  readonly data: unknown;
}

export interface MessagesQuery {
  readonly client?: string;
  readonly producer?: string;
  readonly type?: string;
  /** Of storing, inclusive. */
  readonly from?: string | Date;
  /** Of storing, exclusive. */
  readonly to?: string | Date;
  /** Messages on a page, 1 to 1,000; large ones make it shorter. Default: 100. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface MessagesPage {
  readonly data: readonly Message[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}

/** Which messages of the client to pull. */
export interface PullQuery extends Omit<MessagesQuery, 'client' | 'after'> {
  /** The number of the last message that you have. Default: 0, from the first one. */
  readonly after?: number;
}

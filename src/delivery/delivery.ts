/** Endpoints, deliveries and attempts: their types, and the pure decisions about them. */
import type { Message } from '../events/events.ts';
import { webhookIdOf } from '../events/events.ts';

export const ENDPOINT_STATUSES = ['enabled', 'disabled'] as const;
export type EndpointStatus = (typeof ENDPOINT_STATUSES)[number];
export const DISABLED_REASONS = ['gone', 'failing', 'requested'] as const;
export type DisabledReason = (typeof DISABLED_REASONS)[number];
export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** An endpoint fails for so long before it is disabled. */
export const FAILING_MS_MAX = 5 * 86_400_000;

/** Top-level members of the data and the values that they must have. */
export type DataFilter = Readonly<Record<string, string | number | boolean | null>>;

export interface Endpoint {
  readonly id: string;
  readonly client: string;
  readonly url: string;
  readonly description: string | null;
  /** Null: every type. */
  readonly types: readonly string[] | null;
  readonly filter: DataFilter | null;
  readonly isFifo: boolean;
  readonly ratePerSecond: number | null;
  readonly status: EndpointStatus;
  readonly disabledReason: DisabledReason | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly failingSince: Date | null;
  readonly failuresInRow: number;
  readonly lastAttemptAt: Date | null;
  readonly lastSuccessAt: Date | null;
}

export interface Delivery {
  readonly id: string;
  readonly endpointId: string;
  readonly client: string;
  readonly producer: string;
  readonly messageId: string;
  readonly number: string;
  readonly type: string;
  readonly status: DeliveryStatus;
  readonly attemptsTotal: number;
  /** When it is tried next; null when it is not pending. */
  readonly dueAt: Date | null;
  readonly lastStatusCode: number | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface Attempt {
  readonly number: number;
  readonly attemptedAt: Date;
  readonly outcome: 'delivered' | 'failed';
  readonly statusCode: number | null;
  readonly durationMs: number;
  readonly error: string | null;
  readonly response: string | null;
}

/** Whether an endpoint wants messages of a type with this data. */
export function wants(
  { types, filter }: Pick<Endpoint, 'types' | 'filter'>,
  { type, data }: Pick<Message, 'type' | 'data'>,
): boolean {
  if (types !== null && !types.includes(type)) return false;
  if (filter === null) return true;
  const members: unknown = JSON.parse(data);
  if (typeof members !== 'object' || members === null) return false;
  return Object.entries(filter).every(
    ([name, value]) =>
      Object.hasOwn(members, name) &&
      (members as Readonly<Record<string, unknown>>)[name] === value,
  );
}

/** The body of a webhook: the same at every attempt, with the data as it was sent. */
export function webhookBody(message: Message): Buffer {
  const { producer, type, client, number, occurredAt, data } = message;
  const head = JSON.stringify({
    id: webhookIdOf(message),
    type,
    timestamp: occurredAt.toISOString(),
    client,
    number: Number(number),
    producer,
    message_id: message.id,
  });
  return Buffer.from(`${head.slice(0, -1)},"data":${data}}`);
}

/** The error of an attempt that sent nothing, because the month of its message was dropped. */
export const MESSAGE_EXPIRED = 'message_expired';

/** What is known of the failures of an endpoint. */
export interface FailureState {
  readonly failingSince: Date | null;
  readonly failuresInRow: number;
}

export function afterAttempt(state: FailureState, isDelivered: boolean, at: Date): FailureState {
  if (isDelivered) return { failingSince: null, failuresInRow: 0 };
  return { failingSince: state.failingSince ?? at, failuresInRow: state.failuresInRow + 1 };
}

/** Failures in a row after which an endpoint is set aside: tried by one delivery at a time, with pauses. */
export const SET_ASIDE_AFTER = 10;
export const PAUSE_MS_MAX = 60_000;

/** How many deliveries of an endpoint are sent at a time, and how long to wait before the next one. */
export function paceOf(
  { failuresInRow }: Pick<FailureState, 'failuresInRow'>,
  concurrencyMax: number,
): { readonly concurrency: number; readonly pauseMs: number } {
  if (failuresInRow < SET_ASIDE_AFTER) return { concurrency: concurrencyMax, pauseMs: 0 };
  const doublings = Math.min(6, failuresInRow - SET_ASIDE_AFTER);
  return { concurrency: 1, pauseMs: Math.min(PAUSE_MS_MAX, 1_000 * 2 ** doublings) };
}

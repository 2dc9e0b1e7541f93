/** The exchange and queues of subscriptions, and the messages on them. */
import { createHash } from 'node:crypto';
import { storableText } from '../core/storable.ts';
import { parseInstant } from '../core/timestamp.ts';
import { UUID, uuidV8 } from '../core/uuid.ts';
import { ImpossibleError } from '../messaging/handler.ts';
import type { OutgoingMessage } from '../messaging/message.ts';
import type { QueueBinding } from '../messaging/queues.ts';
import type { ChangeKind, ChangeOrigin, ChangeRequest, PurchaseRequest } from './subscriptions.ts';

const EXCHANGE = 'SUBSCRIPTIONS';

/** The routing keys of requests, by the change that they ask for. */
export const REQUEST_KEYS: Readonly<Record<ChangeKind, string>> = {
  purchased: 'SUBSCRIPTIONS_PURCHASED',
  canceled: 'SUBSCRIPTIONS_CANCELED',
  restarted: 'SUBSCRIPTIONS_RESTARTED',
};

/** @param prefix Of every name, so that several installations may share one virtual host. */
export function subscriptionQueues(prefix: string) {
  const binding = (queue: string, kind: ChangeKind): QueueBinding => ({
    exchange: prefix + EXCHANGE,
    type: 'direct',
    queue: prefix + queue,
    routingKey: REQUEST_KEYS[kind],
  });
  return {
    purchased: binding('PURCHASED', 'purchased'),
    canceled: binding('CANCELED', 'canceled'),
    restarted: binding('RESTARTED', 'restarted'),
  };
}

/** Tells everyone that a change took effect. */
export function announcement(prefix: string, kind: ChangeKind, body: object): OutgoingMessage {
  return {
    exchange: prefix + EXCHANGE,
    routingKey: `subscription.${kind}`,
    isAnnouncement: true,
    body,
  };
}

/** A request in the body of a message, and who asks. */
export interface RequestMessage<Request> {
  readonly request: Request;
  readonly origin: ChangeOrigin;
}

/**
 * Reads `{"user_id", "sku"?, "order_id"?, "id"?, "effective_at"?}`.
 *
 * @throws ImpossibleError A member is missing or wrong.
 */
export function parsePurchase(body: unknown): RequestMessage<Omit<PurchaseRequest, 'id'>> & {
  readonly request: { readonly id: string | undefined };
} {
  const members = membersOf(body);
  const { sku } = members;
  const request = {
    id: uuidOf(members, 'id'),
    userId: userIdOf(members.user_id),
    sku: sku === undefined || sku === null ? undefined : textOf(members, 'sku'),
    orderId: uuidOf(members, 'order_id'),
    effectiveAt: instantOf(members),
  };
  return { request, origin: originOf(members) };
}

/**
 * Reads `{"id", "effective_at"?}`.
 *
 * @throws ImpossibleError A member is missing or wrong.
 */
export function parseChange(body: unknown): RequestMessage<Omit<ChangeRequest, 'kind'>> {
  const members = membersOf(body);
  const id = uuidOf(members, 'id');
  if (id === undefined) throw invalid('id must be the id of a subscription.');
  return { request: { id, effectiveAt: instantOf(members) }, origin: originOf(members) };
}

/** The subscription of an item of an order: always the same, so that no copy of a message purchases it again. */
export function subscriptionOfItem(orderId: string, sku: string): string {
  return uuidV8(
    createHash('sha256')
      .update(JSON.stringify([orderId, sku]))
      .digest(),
  );
}

type Members = Readonly<Record<string, unknown>>;

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const TEXT_LENGTH_MAX = 128;

function membersOf(body: unknown): Members {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Members;
  throw invalid('The body must be a JSON object.');
}

/** A number stands for the same user as its digits. */
function userIdOf(value: unknown): string {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return String(value);
  if (isText(value)) return value;
  throw invalid(
    `user_id must be an integer, or a text of 1 to ${TEXT_LENGTH_MAX} characters without control characters.`,
  );
}

function textOf(members: Members, name: string): string {
  const value = members[name];
  if (isText(value)) return value;
  throw invalid(
    `${name} must be a text of 1 to ${TEXT_LENGTH_MAX} characters without control characters.`,
  );
}

function isText(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || CONTROL.test(value)) return false;
  return Array.from(value).length <= TEXT_LENGTH_MAX && storableText(value) === value;
}

function uuidOf(members: Members, name: string): string | undefined {
  const value = members[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && UUID.test(value)) return value.toLowerCase();
  throw invalid(`${name} must be a UUID.`);
}

function instantOf({ effective_at: value }: Members): Date | undefined {
  if (value === undefined || value === null) return undefined;
  const ms = typeof value === 'string' ? parseInstant(value) : undefined;
  if (ms !== undefined) return new Date(ms);
  throw invalid('effective_at must be an RFC 3339 instant such as 2026-01-31T00:00:00Z.');
}

/** A broker's user who may publish here is trusted to say who asks. */
function originOf({ cause, changed_by: changedBy }: Members): ChangeOrigin {
  return {
    cause: cause === 'api' ? 'api' : 'rpc',
    changedBy: isText(changedBy) ? changedBy : 'rpc',
  };
}

function invalid(detail: string): ImpossibleError {
  return new ImpossibleError({ code: 'invalid_message', detail });
}

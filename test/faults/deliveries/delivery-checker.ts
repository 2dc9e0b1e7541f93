/** Compares what the receivers of a round got, and what Pulse wrote down, with what each endpoint wants. */
import { webhookIdOf } from '../../../src/events/events.ts';
import type {
  DeliveriesLeft,
  StoredAttempt,
  StoredDelivery,
  StoredMessage,
} from './delivery-left.ts';
import {
  LEAVING,
  ROTATING,
  type DeliveryLog,
  type EndpointPlan,
  type Rotation,
} from './delivery-plan.ts';
import { checkEvents } from './event-checker.ts';
import type { Received } from './receivers.ts';

export interface DeliveriesVerdict {
  readonly events: number;
  readonly stored: number;
  /** Events that were sent more than once. */
  readonly repeated: number;
  readonly bad: number;
  readonly deliveries: number;
  readonly webhooks: number;
  /** Webhooks that a receiver took after it had taken the same event. */
  readonly copies: number;
  readonly failedAttempts: number;
  /** Attempts at a refused address. */
  readonly refused: number;
  readonly complaints: readonly string[];
}

/** A sender reads secrets once a second; one may be suspended, or wait for Postgres, between that and signing. */
export const SECRET_LAG_MS = 4_000;
/** Between the signature and the arrival: a sender may be suspended in between. */
const FRESH_MS = 8_000;

export function checkDeliveries(
  log: DeliveryLog,
  left: DeliveriesLeft,
  received: readonly Received[],
): DeliveriesVerdict {
  const complaints = [
    ...checkEvents(log, left),
    ...log.endpoints.flatMap((endpoint) =>
      checkEndpoint(endpoint, { log, left, received }).map((what) => `${endpoint.id}: ${what}`),
    ),
    ...(left.trappedCount > 0 ? [`${left.trappedCount} connections to refused addresses`] : []),
  ];
  const attempts = left.deliveries.flatMap((delivery) => delivery.attempts);
  const taken = received.filter(isTaken);
  const once = new Set(taken.map(({ endpoint, webhookId }) => `${endpoint} ${webhookId}`));
  const sentCounts = log.events.map(({ sendings }) =>
    sendings.reduce((sum, { sentCount }) => sum + sentCount, 0),
  );
  return {
    events: log.events.length,
    stored: left.messages.length,
    repeated: sentCounts.filter((count) => count > 1).length,
    bad: log.events.filter(({ defect }) => defect !== undefined).length,
    deliveries: left.deliveries.filter(({ status }) => status === 'delivered').length,
    webhooks: received.length,
    copies: taken.length - once.size,
    failedAttempts: attempts.filter(({ outcome }) => outcome === 'failed').length,
    refused: attempts.filter(({ error }) => error === 'refused_address').length,
    complaints,
  };
}

function isTaken({ status }: Received): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

interface Round {
  readonly log: DeliveryLog;
  readonly left: DeliveriesLeft;
  readonly received: readonly Received[];
}

function checkEndpoint(endpoint: EndpointPlan, { log, left, received }: Round): string[] {
  const { id, conduct } = endpoint;
  const wanted = left.messages.filter((message) => wants(endpoint, message));
  const byWebhookId = new Map(wanted.map((message) => [webhookIdOf(message), message]));
  const own = received.filter((one) => one.endpoint === id);
  const deliveries = left.deliveries.filter((delivery) => delivery.endpoint === id);
  const found = [
    ...checkDeliveryRows(deliveries, wanted, conduct === 'leaving' || conduct === 'trap'),
    ...own.flatMap((one) => checkWebhook(one, byWebhookId.get(one.webhookId))),
    ...own.flatMap((one) => checkSignature(one, id === ROTATING ? log.rotation : undefined)),
  ];
  const state = left.endpoints.find((one) => one.id === id);
  const expected = id === LEAVING ? 'disabled gone' : 'enabled null';
  if (`${state?.status} ${state?.reason}` !== expected) {
    found.push(`it is ${state?.status}, reason ${state?.reason}`);
  }
  if (conduct === 'trap') return [...found, ...checkTrap(deliveries)];
  found.push(...deliveries.flatMap((delivery) => checkAttempts(delivery, own)));
  if (endpoint.fifo === true) found.push(...checkOrder(own, byWebhookId));
  if (conduct === 'leaving') return found;
  const pending = deliveries.filter(({ status }) => status !== 'delivered');
  return [...found, ...pending.map(({ number, status }) => `number ${number} is ${status}`)];
}

/** Written anew, and not taken from Pulse. */
function wants({ client, types, filter = {} }: EndpointPlan, message: StoredMessage): boolean {
  if (message.client !== client || types?.includes(message.type) === false) return false;
  const data = JSON.parse(message.data) as Readonly<Record<string, unknown>>;
  return Object.entries(filter).every(([name, value]) => data[name] === value);
}

/** One delivery for each message that the endpoint wants. One that leaves or fails may not have seen the last ones. */
function checkDeliveryRows(
  deliveries: readonly StoredDelivery[],
  wanted: readonly StoredMessage[],
  mayMiss: boolean,
): string[] {
  const numbers = deliveries.map(({ number }) => number);
  const wantedNumbers = new Set(wanted.map(({ number }) => number));
  const missed = [...wantedNumbers].filter((number) => !numbers.includes(number));
  return [
    ...numbers
      .filter((number) => !wantedNumbers.has(number))
      .map((number) => `it does not want number ${number}`),
    ...(new Set(numbers).size === numbers.length ? [] : ['it has a delivery twice']),
    ...(mayMiss ? [] : missed.map((number) => `it has no delivery of number ${number}`)),
  ];
}

/** The same body at every attempt, with the data as it was sent, and a time of now. */
function checkWebhook(one: Received, message: StoredMessage | undefined): string[] {
  const { webhookId, body, timestampSec, atMs } = one;
  if (message === undefined) return [`it got ${webhookId}, which it does not want: ${body}`];
  const found: string[] = [];
  const { type, client, number, producer, id: messageId, data } = message;
  const { timestamp, data: sent, ...head } = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const expected = { id: webhookId, type, client, number, producer, message_id: messageId };
  if (
    JSON.stringify(head) !== JSON.stringify(expected) ||
    typeof timestamp !== 'string' ||
    sent === undefined
  ) {
    found.push(`number ${number} has the body ${body}`);
  }
  if (!body.endsWith(`,"data":${data}}`)) found.push(`number ${number} has other data: ${body}`);
  const ageMs = atMs - timestampSec * 1000;
  if (!(ageMs >= 0 && ageMs <= FRESH_MS)) {
    found.push(`number ${number} was signed ${ageMs} ms before it came`);
  }
  return found;
}

/** @param rotation If the secret of the endpoint rotates. */
function checkSignature(
  { webhookId, verifiedBy, signatureCount, timestampSec, atMs }: Received,
  rotation: Rotation | undefined,
): string[] {
  const by = verifiedBy.join('+');
  const complain = (expected: readonly string[], count: number) =>
    expected.includes(by) && signatureCount <= count
      ? []
      : [`${webhookId} has ${signatureCount} signatures, verified by ${by || 'none'}`];
  if (rotation === undefined || atMs < rotation.sentAtMs) return complain(['0'], 1);
  const { overlapHours, answeredAtMs } = rotation;
  const mayBeOld = timestampSec * 1000 < answeredAtMs + SECRET_LAG_MS;
  const before = mayBeOld ? ['0'] : [];
  if (overlapHours === 0) return complain(['1', ...before], 1);
  return complain(['0+1', ...before], 2);
}

/** Each attempt that had an answer is one webhook that the receiver knows, signed at that time and answered so. */
function checkAttempts(
  { number, producer, messageId, status, attempts, attemptsTotal }: StoredDelivery,
  received: readonly Received[],
): string[] {
  const webhookId = webhookIdOf({ producer, id: messageId });
  const own = received.filter((one) => one.webhookId === webhookId);
  const found: string[] = [];
  if (attempts.length !== attemptsTotal) found.push(`number ${number} has lost attempts`);
  const isDelivered = attempts.some(({ outcome }) => outcome === 'delivered');
  if (isDelivered !== (status === 'delivered')) found.push(`number ${number} is ${status}`);
  if (status === 'delivered' && !own.some(isTaken)) found.push(`number ${number} was never taken`);
  const answered = attempts.filter((attempt) => attempt.status !== null);
  const unknown = answered.filter((attempt) => !own.some((one) => isOf(one, attempt)));
  return [
    ...found,
    ...unknown.map((attempt) => `number ${number}: no such webhook: ${JSON.stringify(attempt)}`),
  ];
}

function isOf({ timestampSec, status }: Received, attempt: StoredAttempt): boolean {
  return timestampSec === Math.floor(attempt.atMs / 1000) && status === attempt.status;
}

/** In order: none comes for the first time before the one before it was taken. */
function checkOrder(
  received: readonly Received[],
  byWebhookId: ReadonlyMap<string, StoredMessage>,
): string[] {
  const found: string[] = [];
  const taken = new Set<number>();
  let last = 0;
  for (const one of received) {
    const number = byWebhookId.get(one.webhookId)?.number ?? 0;
    if (number > last) {
      if (number !== last + 1) found.push(`number ${number} came after ${last}`);
      else if (last > 0 && !taken.has(last)) found.push(`number ${number} did not wait`);
      last = number;
    }
    if (isTaken(one)) taken.add(number);
  }
  return found;
}

function checkTrap(deliveries: readonly StoredDelivery[]): string[] {
  const attempts = deliveries.flatMap((delivery) => delivery.attempts);
  const others = attempts.filter(
    ({ error, status }) => error !== 'refused_address' || status !== null,
  );
  return [
    ...(attempts.length === 0 ? ['it was never tried'] : []),
    ...others.map((attempt) => `it was tried: ${JSON.stringify(attempt)}`),
  ];
}

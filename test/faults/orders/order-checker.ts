/** Compares the result of a round of orders with what its client sent and what its catalogue contains. */
import type { ServiceCall } from './enrichment-server.ts';
import { REFUSED_SKU } from './enrichment-server.ts';
import { PRICES, UNKNOWN_SKU, type Intent } from './order-client.ts';

export interface StoredOrder {
  readonly id: string;
  readonly customer_id: string;
  readonly status: string;
  readonly failure_code: string | null;
  readonly total_amount: string | null;
  /** The reasons in its history. */
  readonly reasons: readonly string[];
}

/** A message of the exchange `orders`, as a queue of the test received it. */
export interface SeenEvent {
  readonly routingKey: string;
  readonly messageId: string;
  readonly orderId: string;
}

export interface Left {
  readonly orders: readonly StoredOrder[];
  readonly events: readonly SeenEvent[];
  readonly calls: readonly ServiceCall[];
  /** The queue without its prefix, and the message id, of every inbox row. */
  readonly inbox: readonly { readonly queue: string; readonly message_id: string }[];
  /** The order that each quarantined message refers to. */
  readonly deadLetters: readonly string[];
  readonly outboxCount: number;
}

export interface OrdersVerdict {
  readonly orders: number;
  readonly accepted: number;
  readonly completed: number;
  readonly failed: number;
  /** Failed without a fault of their own: the service was unavailable for too long. */
  readonly exhausted: number;
  /** Events that were published more than once. */
  readonly copies: number;
  readonly complaints: readonly string[];
}

const HANDLED_BY: Readonly<Record<string, string>> = {
  'order.created': 'orders.processing',
  'order.enrichment.requested': 'orders.enrichment',
  'order.enriched': 'orders.completion',
};

export function checkOrders(intents: readonly Intent[], left: Left): OrdersVerdict {
  const complaints = [...checkAcceptance(intents, left), ...checkCalls(left)];
  if (left.outboxCount > 0) complaints.push(`${left.outboxCount} jobs are left in the outbox`);
  const byCustomer = new Map(intents.map((intent) => [intent.customerId, intent]));
  const inbox = new Set(left.inbox.map(({ queue, message_id: id }) => `${queue} ${id}`));
  for (const order of left.orders) {
    const intent = byCustomer.get(order.customer_id);
    const found =
      intent === undefined
        ? ['nobody sent it']
        : [...checkEnd(order, intent), ...checkEvents(order, left.events, inbox)];
    const letterCount = left.deadLetters.filter((id) => id === order.id).length;
    if (letterCount !== (order.status === 'failed' ? 1 : 0)) {
      found.push(`${letterCount} dead letters`);
    }
    for (const what of found) {
      complaints.push(`order ${order.id} (${order.status}, ${order.reasons.join()}): ${what}`);
    }
  }
  const count = (status: string) => left.orders.filter((order) => order.status === status).length;
  const ids = new Set(left.events.map(({ messageId }) => messageId));
  return {
    orders: left.orders.length,
    accepted: new Set(intents.flatMap(({ accepted }) => accepted)).size,
    completed: count('completed'),
    failed: count('failed'),
    exhausted: left.orders.filter((order) => order.failure_code === 'attempts_exhausted').length,
    copies: left.events.length - ids.size,
    complaints,
  };
}

function checkAcceptance(intents: readonly Intent[], { orders }: Left): string[] {
  const stored = new Set(orders.map(({ id }) => id));
  return intents.flatMap(({ customerId, accepted, key }) => {
    const found: string[] = [];
    const count = orders.filter((order) => order.customer_id === customerId).length;
    if (new Set(accepted).size > 1) found.push('one key was answered with several orders');
    if (accepted.some((id) => !stored.has(id))) found.push('an accepted order is lost');
    if (count > 1) found.push(`${count} orders were stored`);
    if (key !== undefined && accepted.length === 0) found.push('it was never accepted');
    return found.map((what) => `${customerId} (${key ?? 'no key'}): ${what}`);
  });
}

function checkCalls({ calls, orders }: Left): string[] {
  const stored = new Set(orders.map(({ id }) => id));
  return calls
    .filter(({ key, orderId }) => key !== orderId || !stored.has(orderId))
    .map(({ key, orderId }) => `the service saw order ${orderId} under key ${key}`);
}

function checkEnd(order: StoredOrder, { isKnownCustomer, items }: Intent): string[] {
  const has = (sku: string) => items.some((item) => item.sku === sku);
  const code = isKnownCustomer
    ? has(UNKNOWN_SKU)
      ? 'unknown_sku'
      : has(REFUSED_SKU)
        ? 'enrichment_refused'
        : undefined
    : 'unknown_customer';
  if (order.status === 'failed') {
    const isExpected = order.failure_code === code || order.failure_code === 'attempts_exhausted';
    const reasons = `created,taken_up,${order.failure_code}`;
    if (!isExpected) return [`it failed as ${order.failure_code}, not ${code}`];
    return order.reasons.join() === reasons ? [] : ['its history is wrong'];
  }
  if (order.status !== 'completed') return ['it never ended'];
  if (code !== undefined) return [`it should have failed as ${code}`];
  const found: string[] = [];
  if (order.reasons.join() !== 'created,taken_up,enriched,completed') {
    found.push('its history is wrong');
  }
  const total = items.reduce((sum, { sku, qty }) => sum + (PRICES[sku] ?? 0n) * BigInt(qty), 0n);
  if (Math.round(Number(order.total_amount) * 1000) !== Number(total)) {
    found.push(`its total is ${order.total_amount}, not ${total} thousandths`);
  }
  return found;
}

/** Each step was published at least once, always under the same id, and handled under that id. */
function checkEvents(
  { id, status, reasons }: StoredOrder,
  events: readonly SeenEvent[],
  inbox: ReadonlySet<string>,
): string[] {
  const expected = new Set([
    'order.created',
    'order.enrichment.requested',
    ...(reasons.includes('enriched') ? ['order.enriched'] : []),
    `order.${status}`,
  ]);
  const seen = new Map<string, Set<string>>();
  for (const { orderId, routingKey, messageId } of events) {
    if (orderId !== id) continue;
    seen.set(routingKey, (seen.get(routingKey) ?? new Set()).add(messageId));
  }
  const found = [...expected].filter((key) => !seen.has(key)).map((key) => `no ${key}`);
  for (const [key, ids] of seen) {
    if (!expected.has(key)) found.push(`${key} was published`);
    if (ids.size > 1) found.push(`${ids.size} different ${key} were published`);
    const queue = HANDLED_BY[key];
    if (queue === undefined) continue;
    for (const one of ids) {
      if (!inbox.has(`${queue} ${one}`)) found.push(`${key} ${one} was not handled`);
    }
  }
  return found;
}

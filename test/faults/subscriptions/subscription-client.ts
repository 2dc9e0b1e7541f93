/** The users of a round: they ask by RPC or over HTTP, order, and withdraw. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { toPublication, type OutgoingMessage } from '../../../src/messaging/message.ts';
import { writeToOutbox } from '../../../src/messaging/outbox.ts';
import type { RpcClient } from '../../../src/messaging/rpc-client.ts';
import { orderMessage } from '../../../src/orders/orders-queues.ts';
import { withTransaction } from '../../../src/platform/postgres.ts';
import { withdrawChange } from '../../../src/subscriptions/change-subscription.ts';
import { readSubscription } from '../../../src/subscriptions/subscriptions-query.ts';
import {
  REQUEST_KEYS,
  subscriptionOfItem,
} from '../../../src/subscriptions/subscriptions-queues.ts';
import { askApi } from './subscription-http.ts';
import {
  PLAIN_SKU,
  RECURRING_SKU,
  toRequest,
  type Answer,
  type Request,
  type Step,
  type SubscriptionLog,
  type UserPlan,
} from './subscription-plan.ts';

export interface ClientDeps {
  readonly rpc: Pick<RpcClient, 'call'>;
  readonly pool: Pool;
  /** Of the names of exchanges. */
  readonly prefix: string;
  /** Of the API, with its base path. */
  readonly url: string;
}

const PATIENT_MS = 2_000;
const GIVE_UP_MS = 90_000;
const RETRY_MS = 100;

/** Everything that the users do while there are faults. */
export async function playUsers(log: SubscriptionLog, deps: ClientDeps): Promise<void> {
  await Promise.all(log.users.map((user) => playUser(user, log, deps)));
}

/** After the faults: sends again what has no answer, and what is to be sent twice. */
export async function askAgain(log: SubscriptionLog, deps: ClientDeps): Promise<void> {
  await Promise.all(
    log.requests.map(async (request) => {
      const { answers, patience } = request;
      if (answers.length > 0 && !patience.isRepeated) return;
      await untilAnswered(request, deps, PATIENT_MS);
    }),
  );
}

async function playUser(user: UserPlan, log: SubscriptionLog, deps: ClientDeps): Promise<void> {
  await delay(user.startMs);
  const id = await (user.way === 'ordered' ? order : purchase)(user, log, deps);
  if (id === undefined) return;
  for (const step of user.steps) {
    await delay(step.pauseMs);
    if (step.act === 'withdraw') await withdraw(id, log, deps);
    else await change({ ...step, id, user }, log, deps);
  }
}

/** @returns Undefined if Pulse was to choose the id, and has not told. */
async function purchase(user: UserPlan, log: SubscriptionLog, deps: ClientDeps) {
  const id = user.way === 'named' ? randomUUID() : undefined;
  const request = toRequest(user, 'purchased', { ...user, id });
  log.requests.push(request);
  await send(request, deps);
  return id ?? request.answers[0]?.subscription?.id;
}

async function change(
  { act, id, user, isDoubled, ...asked }: Step & { id: string; user: UserPlan },
  log: SubscriptionLog,
  deps: ClientDeps,
): Promise<void> {
  const kind = act === 'cancel' ? 'canceled' : 'restarted';
  const requests = Array.from({ length: isDoubled ? 2 : 1 }, () =>
    toRequest(user, kind, { ...asked, id }),
  );
  log.requests.push(...requests);
  await Promise.all(requests.map((request) => send(request, deps)));
}

async function send(request: Request, deps: ClientDeps): Promise<void> {
  const { waitMs, isGivenUp } = request.patience;
  if (isGivenUp) await ask(request, deps, waitMs);
  else await untilAnswered(request, deps, waitMs);
}

async function untilAnswered(request: Request, deps: ClientDeps, waitMs: number): Promise<void> {
  const deadlineMs = performance.now() + GIVE_UP_MS;
  while (!(await ask(request, deps, waitMs)) && performance.now() < deadlineMs) {
    await delay(RETRY_MS);
  }
}

/** Sends a request, always under the same message id or key. @returns Whether it was answered in time. */
async function ask(request: Request, deps: ClientDeps, waitMs: number): Promise<boolean> {
  request.sentCount += 1;
  const send =
    request.way === 'http' ? askApi(request, deps, waitMs) : askBroker(request, deps, waitMs);
  const answer = await send.catch(() => undefined);
  if (answer !== undefined) request.answers.push(answer);
  return answer !== undefined;
}

function askBroker(
  { kind, body, messageId }: Request,
  { rpc, prefix }: ClientDeps,
  waitMs: number,
) {
  const publication = {
    exchange: `${prefix}SUBSCRIPTIONS`,
    routingKey: REQUEST_KEYS[kind],
    body: Buffer.from(JSON.stringify(body)),
    messageId,
  };
  return rpc.call(publication, waitMs) as Promise<Answer | undefined>;
}

/** Stores a completed order and announces it, as `pulse processor` does. Once only: Postgres may be unavailable. */
async function order(user: UserPlan, log: SubscriptionLog, { pool, prefix }: ClientDeps) {
  const intent: SubscriptionLog['orders'][number] = {
    id: randomUUID(),
    userId: user.userId,
    outcome: undefined,
  };
  log.orders.push(intent);
  await withTransaction(pool, async (client) => {
    await client.query(
      `INSERT INTO orders (id, customer_id, status, currency, created_by)
       VALUES ($1, $2, 'completed', 'EUR', 'test')`,
      [intent.id, intent.userId],
    );
    await client.query(
      `INSERT INTO order_items (order_id, position, sku, qty) VALUES ($1, 0, $2, 1), ($1, 1, $3, 1)`,
      [intent.id, RECURRING_SKU, PLAIN_SKU],
    );
    const more = { customer_id: user.userId, currency: 'EUR', total_amount: '2' };
    await publishIn(client)(orderMessage(prefix, 'completed', { orderId: intent.id, more }));
  }).then(
    () => {
      intent.outcome = 'done';
    },
    () => undefined,
  );
  return subscriptionOfItem(intent.id, RECURRING_SKU);
}

/** Withdraws the newest pending change, as the command line does. */
async function withdraw(
  subscriptionId: string,
  log: SubscriptionLog,
  { pool, prefix }: ClientDeps,
): Promise<void> {
  const found = await readSubscription(pool, subscriptionId).catch(() => undefined);
  const number = found?.pending.at(-1)?.number;
  if (number === undefined) return;
  const name = `withdrawal ${randomUUID().slice(0, 8)}`;
  const intent: SubscriptionLog['withdrawals'][number] = {
    ...{ name, subscriptionId, number },
    outcome: undefined,
  };
  log.withdrawals.push(intent);
  await withTransaction(pool, (client) =>
    withdrawChange(
      { client, prefix, publish: publishIn(client) },
      { id: subscriptionId, number, withdrawnBy: name },
    ),
  ).then(
    ({ ok }) => {
      intent.outcome = ok ? 'done' : 'refused';
    },
    () => undefined,
  );
}

function publishIn(client: PoolClient) {
  const origin = { correlationId: undefined, traceparent: undefined };
  return (message: OutgoingMessage): Promise<void> =>
    writeToOutbox(client, toPublication(message, origin, Date.now()));
}

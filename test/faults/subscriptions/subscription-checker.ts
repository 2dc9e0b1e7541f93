/** Compares what a round of subscriptions left behind with what its users asked for and were answered. */
import { isDeepStrictEqual } from 'node:util';
import { statusAfter } from '../../../src/subscriptions/subscriptions.ts';
import type { StoredSubscription, SubscriptionsLeft } from './subscription-left.ts';
import type { Request, SubscriptionLog } from './subscription-plan.ts';
import { RECURRING_SKU } from './subscription-plan.ts';

export interface SubscriptionsVerdict {
  readonly subscriptions: number;
  readonly requests: number;
  readonly done: number;
  readonly refused: number;
  /** Refused because Postgres or RabbitMQ were unavailable for too long. */
  readonly exhausted: number;
  /** Requests that were sent more than once. */
  readonly repeated: number;
  readonly withdrawn: number;
  /** Announcements that were published more than once. */
  readonly copies: number;
  readonly complaints: readonly string[];
}

const EXHAUSTED = 'attempts_exhausted';

/** Why a change may be refused, when nobody knows in which order requests arrive. */
const REFUSALS = ['subscription_status', 'change_pending', 'effective_at_too_early', EXHAUSTED];

export function checkSubscriptions(
  log: SubscriptionLog,
  left: SubscriptionsLeft,
): SubscriptionsVerdict {
  const complaints = [
    ...log.requests.flatMap((request) =>
      named(request.name, [
        ...checkAnswers(request),
        ...(request.way === 'http' ? [] : checkChange(request, left)),
      ]),
    ),
    ...log.users.flatMap(({ userId, way }) =>
      way === 'http' ? named(userId, checkApiUser(userId, log, left)) : [],
    ),
    ...left.subscriptions.flatMap((stored) =>
      named(`subscription ${stored.id}`, [
        ...checkTimeline(stored),
        ...checkAnnouncements(stored, left),
      ]),
    ),
    ...checkOwners(log, left),
    ...checkOrders(log, left),
    ...checkWithdrawals(log, left),
    ...checkRest(log, left),
  ];
  const codes = log.requests.map(({ answers: [answer] }) => answer?.code);
  const changes = left.subscriptions.flatMap((stored) => stored.changes);
  return {
    subscriptions: left.subscriptions.length,
    requests: log.requests.length,
    done: log.requests.filter(({ answers: [answer] }) => answer?.ok === true).length,
    refused: codes.filter((code) => code !== undefined).length,
    exhausted: codes.filter((code) => code === EXHAUSTED).length,
    repeated: log.requests.filter(({ sentCount }) => sentCount > 1).length,
    withdrawn: changes.filter((change) => change.withdrawn_by !== null).length,
    copies:
      left.announcements.length -
      new Set(left.announcements.map(({ messageId }) => messageId)).size,
    complaints,
  };
}

function named(name: string, found: readonly string[]): string[] {
  return found.map((what) => `${name}: ${what}`);
}

/** A request has an answer that may be; and every answer to it is the same. */
function checkAnswers({ kind, way, body, answers }: Request): string[] {
  const [answer] = answers;
  if (answer === undefined) return ['it was never answered'];
  const found: string[] = [];
  if (answers.some((other) => !isDeepStrictEqual(other, answer))) {
    found.push(`it has different answers: ${JSON.stringify(answers)}`);
  }
  if (answer.ok) {
    const { status } = answer.subscription ?? {};
    const isNow = body.effective_at === undefined;
    if (isNow && status !== statusAfter(kind)) found.push(`the answer shows it as ${status}`);
    return found;
  }
  // The order may not have purchased it yet, or a purchase that nobody waits for may arrive later.
  const isEarly = answer.code === 'unknown_subscription' && (way === 'named' || way === 'ordered');
  const isPossible =
    kind === 'purchased' ? answer.code === EXHAUSTED : isEarly || isRefusal(answer.code);
  if (!isPossible) found.push(`refused: ${answer.code}`);
  return found;
}

/** An answered request made one change or, if it was refused, none. */
function checkChange(request: Request, { subscriptions }: SubscriptionsLeft): string[] {
  const { name, kind, body, answers } = request;
  const [answer] = answers;
  const made = subscriptions.flatMap(({ id, changes }) =>
    changes.filter((change) => change.changed_by === name).map((change) => ({ id, change })),
  );
  const found: string[] = [];
  if (made.length !== (answer?.ok === true ? 1 : 0)) {
    found.push(`it made ${made.length} changes, and was answered ${JSON.stringify(answer)}`);
  }
  for (const { id, change } of made) {
    if (id !== answer?.subscription?.id || (body.id ?? id) !== id || change.kind !== kind) {
      found.push(`it made the change ${change.kind} of subscription ${id}`);
    }
    const { effective_at: at } = body;
    if (at !== undefined && change.effective_ms !== Date.parse(at)) found.push('at another time');
  }
  return found;
}

/** All changes of the API have the same name: each request that succeeded made one, and no other did. */
function checkApiUser(userId: string, { requests }: SubscriptionLog, left: SubscriptionsLeft) {
  const own = requests.filter((request) => request.userId === userId);
  const done = own.filter(({ answers: [answer] }) => answer?.ok === true);
  const stored = left.subscriptions.filter(({ user_id: id }) => id === userId);
  const facts = (kind: string, at: number | undefined) => `${kind} ${at ?? ''}`;
  const asked = done.map(({ kind, body: { effective_at: at } }) =>
    facts(kind, at === undefined ? undefined : Date.parse(at)),
  );
  const planned = new Set(asked);
  const made = stored.flatMap(({ changes }) =>
    changes.map(({ kind, effective_ms: atMs }) =>
      planned.has(facts(kind, atMs)) ? facts(kind, atMs) : facts(kind, undefined),
    ),
  );
  const ids = new Set(done.map(({ answers: [answer] }) => answer?.subscription?.id));
  return [
    ...(isDeepStrictEqual(asked.sort(), made.sort())
      ? []
      : [`asked ${asked.join()}, made ${made.join()}`]),
    ...(stored.every(({ id }) => ids.has(id)) ? [] : ['the answers show another subscription']),
  ];
}

function isRefusal(code: string | undefined): boolean {
  return code !== undefined && REFUSALS.includes(code);
}

/** The status is what the changes add up to: all are in effect, except those that were withdrawn. */
function checkTimeline({ changes, status, applied_number, due_at }: StoredSubscription): string[] {
  const found: string[] = [];
  if (changes.some(({ number }, index) => number !== index + 1)) found.push('numbers have gaps');
  let before: { status: string; atMs: number; number: number } = {
    // One whose purchase was withdrawn can be restarted.
    status: typeof changes[0]?.withdrawn_by === 'string' ? 'canceled' : 'pending',
    atMs: 0,
    number: 0,
  };
  const from = { purchased: 'pending', canceled: 'active', restarted: 'canceled' };
  for (const { number, kind, effective_ms: atMs, withdrawn_by: by } of changes) {
    if (by !== null) continue;
    if (before.status !== from[kind]) found.push(`change ${number}: ${kind} when ${before.status}`);
    if (atMs < before.atMs) found.push(`change ${number} takes effect before an earlier one`);
    before = { status: statusAfter(kind), atMs, number };
  }
  if (status !== before.status) found.push(`it is ${status}, not ${before.status}`);
  if (applied_number !== before.number) found.push(`change ${applied_number} is the last applied`);
  if (due_at !== null) found.push(`a change is due at ${due_at}`);
  return found;
}

/** Each change in effect was announced, always under one message id; a withdrawn one never. */
function checkAnnouncements(
  { id, user_id, sku, order_id, changes }: StoredSubscription,
  { announcements, deafTo }: SubscriptionsLeft,
): string[] {
  const own = announcements.filter(({ body }) => body.id === id);
  const numbers = new Set(changes.map(({ number }) => number));
  const found = own
    .filter(({ body }) => !numbers.has(body.number))
    .map(({ body }) => `change ${body.number} was announced, and does not exist`);
  for (const { number, kind, effective_ms: atMs, withdrawn_by: by } of changes) {
    const heard = own.filter(({ body }) => body.number === number);
    const ids = new Set(heard.map(({ messageId }) => messageId));
    const isUnheard = ids.size === 0 && deafTo.includes(`subscription.${kind}`);
    if (ids.size !== (by === null ? 1 : 0) && !isUnheard) {
      found.push(`change ${number} was announced under ${ids.size} message ids`);
    }
    const effective_at = new Date(atMs).toISOString();
    const expected = { id, number, user_id, sku, order_id, effective_at };
    for (const { routingKey, body } of heard) {
      if (routingKey === `subscription.${kind}` && isDeepStrictEqual(body, expected)) continue;
      found.push(`change ${number} was announced as ${routingKey} ${JSON.stringify(body)}`);
    }
  }
  return found;
}

/** A user has one subscription at most, and somebody asked for it. */
function checkOwners({ users, requests, orders }: SubscriptionLog, left: SubscriptionsLeft) {
  const names = new Set([
    ...requests.map(({ name }) => name),
    ...orders.map(({ id }) => `order:${id}`),
  ]);
  const apiUsers = new Set(users.filter(({ way }) => way === 'http').map(({ userId }) => userId));
  const strangers = left.subscriptions.flatMap(({ user_id: userId, changes }) =>
    changes
      .filter(({ cause, changed_by: by }) =>
        apiUsers.has(userId) ? cause !== 'api' : !names.has(by),
      )
      .map(({ changed_by: by }) => by),
  );
  const doubled = users.filter(
    ({ userId }) => left.subscriptions.filter(({ user_id: id }) => id === userId).length > 1,
  );
  return [
    ...strangers.map((by) => `a change was made by ${by}`),
    ...doubled.map(({ userId }) => `${userId} has several subscriptions`),
  ];
}

function checkOrders({ orders }: SubscriptionLog, { orderIds, subscriptions }: SubscriptionsLeft) {
  return orders.flatMap(({ id, userId, outcome }) => {
    const isStored = orderIds.includes(id);
    if (!isStored) return outcome === 'done' ? [`order ${id} is lost`] : [];
    const own = subscriptions.filter(({ order_id: orderId }) => orderId === id);
    const isRight = own.length === 1 && own[0]?.sku === RECURRING_SKU && own[0].user_id === userId;
    return isRight ? [] : [`order ${id} has ${own.length} subscriptions`];
  });
}

function checkWithdrawals({ withdrawals }: SubscriptionLog, { subscriptions }: SubscriptionsLeft) {
  const stored = subscriptions.flatMap(({ id, changes }) =>
    changes.map(({ number, withdrawn_by: by }) => ({ id, number, by })),
  );
  const asked = withdrawals.flatMap(({ name, subscriptionId, number, outcome }) => {
    const made = stored.filter(({ by }) => by === name);
    const isRight = made.every((one) => one.id === subscriptionId && one.number === number);
    const counts = outcome === undefined ? [0, 1] : outcome === 'done' ? [1] : [0];
    if (isRight && counts.includes(made.length)) return [];
    return [`${name} (${outcome ?? 'unknown'}) is there ${made.length} times`];
  });
  const names = withdrawals.map(({ name }) => name);
  const strangers = stored.filter(({ by }) => by !== null && !names.includes(by));
  return [...asked, ...strangers.map(({ by }) => `a change was withdrawn by ${by}`)];
}

/** Nothing waits, and only requests that were given up are dead letters. */
function checkRest({ requests }: SubscriptionLog, left: SubscriptionsLeft): string[] {
  const { deadLetters, outboxCount, waitingCount } = left;
  const exhausted = requests.filter(({ answers: [answer] }) => answer?.code === EXHAUSTED);
  const expected = exhausted.map(({ messageId }) => messageId);
  return [
    ...(waitingCount > 0 ? [`${waitingCount} messages are left in queues`] : []),
    ...(outboxCount > 0 ? [`${outboxCount} jobs are left in the outbox`] : []),
    ...deadLetters.filter((id) => !expected.includes(id)).map((id) => `dead letter ${id}`),
    ...expected.filter((id) => !deadLetters.includes(id)).map((id) => `no dead letter ${id}`),
  ];
}

/**
 * Every change of a subscription, in the caller's transaction. Whoever locks a subscription first puts into effect what
 * has come due, so that nobody decides on an old status.
 */
import type { HandlerTransaction } from '../messaging/handler.ts';
import { announcement } from './subscriptions-queues.ts';
import { ADMITTING_DAYS, countRecentChanges, countSubscriptions } from './limits-query.ts';
import {
  insertChange,
  insertSubscription,
  insertWithdrawal,
  lockDueSubscriptions,
  lockSubscription,
  readClock,
  readSubscription,
  updateSubscriptions,
  type LockedSubscription,
} from './subscriptions-query.ts';
import {
  endsAtOnce,
  RECENT_CHANGES_MAX,
  refused,
  refuseWithdrawal,
  scheduleChange,
  SUBSCRIPTIONS_MAX,
  type ChangeOrigin,
  type ChangeRequest,
  type ChangeResult,
  type PurchaseRequest,
  type TimelineChange,
} from './subscriptions.ts';

export type ChangeTransaction = Pick<HandlerTransaction, 'client' | 'publish'> & {
  /** Of the names of exchanges and queues. */
  readonly prefix: string;
};

/** Creates a subscription with its first change. */
export async function purchaseSubscription(
  transaction: ChangeTransaction,
  request: PurchaseRequest,
  origin: ChangeOrigin,
): Promise<ChangeResult> {
  const { client } = transaction;
  const { id, userId, sku = null, orderId = null, effectiveAt } = request;
  const kind = 'purchased';
  const now = await readClock(client);
  const none = { last: undefined, pending: [], newestNumber: 0 };
  const at = scheduleChange(none, { kind, effectiveAt }, now);
  if (!(at instanceof Date)) return { ok: false, refusal: at };
  if ((await isFull(client, request)) && (await readSubscription(client, id)) === undefined) {
    return tooMany(request);
  }
  if (!(await insertSubscription(client, request))) {
    return refused('subscription_exists', `There is a subscription ${id} already.`);
  }
  const fresh = { ...none, id, userId, sku, orderId, now };
  return addChange(transaction, fresh, { number: 1, kind, effectiveAt: at, ...origin });
}

/** Cancels or restarts a subscription. */
export async function changeSubscription(
  transaction: ChangeTransaction,
  { id, kind, effectiveAt }: ChangeRequest,
  origin: ChangeOrigin,
): Promise<ChangeResult> {
  const locked = await lockWhatIsDue(transaction, id);
  if (locked === undefined) return unknown(id);
  const at = scheduleChange(locked, { kind, effectiveAt }, locked.now);
  if (!(at instanceof Date)) return { ok: false, refusal: at };
  if (!endsAtOnce({ kind, effectiveAt }, locked.now)) {
    const { client } = transaction;
    if (await hasTooManyChanges(client, locked)) return tooManyChanges(locked);
    if (kind === 'restarted' && (await isFull(client, locked))) return tooMany(locked);
  }
  const number = locked.newestNumber + 1;
  return addChange(transaction, locked, { number, kind, effectiveAt: at, ...origin });
}

/** Withdraws a pending change. */
export async function withdrawChange(
  transaction: ChangeTransaction,
  { id, number, withdrawnBy }: { id: string; number: number; withdrawnBy: string },
): Promise<ChangeResult> {
  const { client } = transaction;
  const locked = await lockWhatIsDue(transaction, id);
  if (locked === undefined) return unknown(id);
  const refusal = refuseWithdrawal(locked, number);
  if (refusal !== undefined) return { ok: false, refusal };
  await insertWithdrawal(client, locked, { number, withdrawnBy });
  const pending = locked.pending.filter((change) => change.number !== number);
  await updateSubscriptions(client, [{ ...locked, pending }]);
  return shown(transaction, id);
}

/**
 * Puts into effect what is due of up to `limit` subscriptions. Other processes may do so at the same time: each takes
 * its own.
 *
 * @returns How many subscriptions it took.
 */
export async function applyDueChanges(
  transaction: ChangeTransaction,
  limit: number,
): Promise<number> {
  const { client } = transaction;
  const locked = await lockDueSubscriptions(client, limit);
  if (locked.length > 0) await applyDue(transaction, locked);
  return locked.length;
}

async function isFull(
  client: HandlerTransaction['client'],
  { id: besides, userId }: Pick<LockedSubscription, 'id' | 'userId'>,
): Promise<boolean> {
  const limit = SUBSCRIPTIONS_MAX;
  return (await countSubscriptions(client, { userId, besides, limit })) >= limit;
}

function tooMany({ userId }: Pick<LockedSubscription, 'userId'>): ChangeResult {
  const detail =
    `Customer ${userId} has ${SUBSCRIPTIONS_MAX} subscriptions, the most that one may have. ` +
    `Those canceled more than ${ADMITTING_DAYS} days ago do not count.`;
  return refused('too_many_subscriptions', detail);
}

async function hasTooManyChanges(
  client: HandlerTransaction['client'],
  { userId }: Pick<LockedSubscription, 'userId'>,
): Promise<boolean> {
  const limit = RECENT_CHANGES_MAX;
  return (await countRecentChanges(client, { userId, limit })) >= limit;
}

function tooManyChanges({ userId }: Pick<LockedSubscription, 'userId'>): ChangeResult {
  const detail =
    `The subscriptions of customer ${userId} have ${RECENT_CHANGES_MAX} changes within ${ADMITTING_DAYS} days, ` +
    'the most that they may have: they can only be canceled at once.';
  return refused('too_many_changes', detail);
}

async function addChange(
  transaction: ChangeTransaction,
  locked: LockedSubscription,
  change: TimelineChange & ChangeOrigin,
): Promise<ChangeResult> {
  const { client } = transaction;
  const { last, pending, now } = locked;
  await insertChange(client, locked, change);
  if (change.effectiveAt > now) {
    await updateSubscriptions(client, [{ ...locked, last, pending: [...pending, change] }]);
  } else {
    await updateSubscriptions(client, [{ ...locked, last: change, pending: [] }]);
    await announce(transaction, locked, change);
  }
  return shown(transaction, locked.id);
}

/** Locks a subscription, and puts into effect what is due. */
async function lockWhatIsDue(
  transaction: ChangeTransaction,
  id: string,
): Promise<LockedSubscription | undefined> {
  const { client } = transaction;
  const locked = await lockSubscription(client, id);
  if (locked === undefined) return undefined;
  const isDue = locked.pending.some(({ effectiveAt }) => effectiveAt <= locked.now);
  if (!isDue) return locked;
  const [applied] = await applyDue(transaction, [locked]);
  return applied;
}

/** @returns The subscriptions as they are then. */
async function applyDue(
  transaction: ChangeTransaction,
  locked: readonly LockedSubscription[],
): Promise<LockedSubscription[]> {
  const parts = locked.map((subscription) => {
    const { last, pending, now } = subscription;
    const due = pending.filter(({ effectiveAt }) => effectiveAt <= now);
    const rest = pending.slice(due.length);
    return { due, applied: { ...subscription, last: due.at(-1) ?? last, pending: rest } };
  });
  const applied = parts.map((part) => part.applied);
  await updateSubscriptions(transaction.client, applied);
  for (const part of parts) {
    for (const change of part.due) await announce(transaction, part.applied, change);
  }
  return applied;
}

function announce(
  { publish, prefix }: ChangeTransaction,
  { id, userId, sku, orderId }: LockedSubscription,
  { number, kind, effectiveAt }: TimelineChange,
): Promise<void> {
  const facts = { id, number, user_id: userId, sku, order_id: orderId };
  return publish(announcement(prefix, kind, { ...facts, effective_at: effectiveAt.toISOString() }));
}

async function shown({ client }: ChangeTransaction, id: string): Promise<ChangeResult> {
  const subscription = await readSubscription(client, id);
  if (subscription === undefined) throw new RangeError(`Subscription ${id} has disappeared.`);
  return { ok: true, subscription };
}

function unknown(id: string): ChangeResult {
  return refused('unknown_subscription', `There is no subscription ${id}.`);
}

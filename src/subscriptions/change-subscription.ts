/**
 * Every change of a subscription, in the caller's transaction. Whoever locks a subscription first puts into effect what
 * has come due, so that nobody decides on an old status.
 */
import type { HandlerTransaction } from '../messaging/handler.ts';
import { announcement } from './subscriptions-queues.ts';
import {
  insertChange,
  insertSubscription,
  insertWithdrawal,
  lockSubscription,
  readClock,
  readSubscription,
  updateSubscription,
  type LockedSubscription,
} from './subscriptions-query.ts';
import {
  refused,
  refuseWithdrawal,
  scheduleChange,
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
  const at = scheduleChange({ last: undefined, pending: [] }, { kind, effectiveAt }, now);
  if (!(at instanceof Date)) return { ok: false, refusal: at };
  if (!(await insertSubscription(client, request))) {
    return refused('subscription_exists', `There is a subscription ${id} already.`);
  }
  const facts = { id, userId, sku, orderId, newestNumber: 0, now };
  const fresh = { ...facts, last: undefined, pending: [] };
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
  await updateSubscription(client, locked, { last: locked.last, pending });
  return shown(transaction, id);
}

/** Puts into effect what is due. Other processes may do so at the same time. */
export async function applyDueChanges(transaction: ChangeTransaction, id: string): Promise<void> {
  await lockWhatIsDue(transaction, id);
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
    await updateSubscription(client, locked, { last, pending: [...pending, change] });
  } else {
    await updateSubscription(client, locked, { last: change, pending: [] });
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
  const due = locked.pending.filter(({ effectiveAt }) => effectiveAt <= locked.now);
  const last = due.at(-1);
  if (last === undefined) return locked;
  const pending = locked.pending.slice(due.length);
  await updateSubscription(client, locked, { last, pending });
  for (const change of due) await announce(transaction, locked, change);
  return { ...locked, last, pending };
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

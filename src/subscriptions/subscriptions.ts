/** Subscriptions: their states, the timeline of their changes, and what may follow what. */

export const SUBSCRIPTION_STATUSES = ['pending', 'active', 'canceled'] as const;

/**
 * - `pending`: purchased from a later instant on, which has not come yet.
 * - `active`: the user has the product.
 * - `canceled`: no longer; it can be restarted.
 */
export type SubscriptionStatus = (typeof SUBSCRIPTION_STATUSES)[number];

export const CHANGE_KINDS = ['purchased', 'canceled', 'restarted'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** What made a change: a request to the API, a message of another client, an order, or a command. */
export const CHANGE_CAUSES = ['api', 'rpc', 'order', 'command'] as const;
export type ChangeCause = (typeof CHANGE_CAUSES)[number];

/** What a change needs to find. */
const FROM: Readonly<Record<ChangeKind, SubscriptionStatus>> = {
  purchased: 'pending',
  canceled: 'active',
  restarted: 'canceled',
};

/** What a change leads to. */
const TO: Readonly<Record<ChangeKind, SubscriptionStatus>> = {
  purchased: 'active',
  canceled: 'canceled',
  restarted: 'active',
};

export function statusAfter(kind: ChangeKind): SubscriptionStatus {
  return TO[kind];
}

/** A change in the timeline of a subscription. */
export interface TimelineChange<Instant = Date> {
  /** From 1, in the order in which changes were made. */
  readonly number: number;
  readonly kind: ChangeKind;
  /** To the millisecond. */
  readonly effectiveAt: Instant;
}

/** A change as it is listed. */
export interface ListedChange extends TimelineChange, ChangeOrigin {
  readonly changedAt: Date;
  readonly state: 'in_effect' | 'pending' | 'withdrawn';
  readonly withdrawnBy: string | null;
  readonly withdrawnAt: Date | null;
}

export interface Subscription {
  readonly id: string;
  /** The id of a customer. */
  readonly userId: string;
  /** Null: for every product. */
  readonly sku: string | null;
  readonly orderId: string | null;
  /** Of its customer, as it is now; null if the customer has none or is unknown. */
  readonly tenant: string | null;
  readonly status: SubscriptionStatus;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** In the order in which they take effect. */
  readonly pending: readonly TimelineChange[];
}

/** What a message or a request asks for. */
export interface PurchaseRequest {
  readonly id: string;
  readonly userId: string;
  readonly sku?: string | undefined;
  readonly orderId?: string | undefined;
  /** Default: at once. */
  readonly effectiveAt?: Date | undefined;
}

export interface ChangeRequest {
  readonly id: string;
  readonly kind: Exclude<ChangeKind, 'purchased'>;
  /** Default: at once. */
  readonly effectiveAt?: Date | undefined;
}

/** Who changes a subscription, and through what. */
export interface ChangeOrigin {
  readonly cause: ChangeCause;
  readonly changedBy: string;
}

/** Why a change is refused: the codes are a contract with clients. */
export const REFUSAL_CODES = [
  'invalid_message',
  'unknown_subscription',
  'subscription_exists',
  'subscription_status',
  'change_pending',
  'effective_at_too_early',
  'effective_at_too_late',
  'too_many_pending',
  'too_many_changes',
  'too_many_subscriptions',
  'change_not_pending',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export interface Refusal {
  readonly code: RefusalCode;
  /** One sentence for the person who asked. */
  readonly detail: string;
}

/** What became of a request. */
export type ChangeResult =
  | { readonly ok: true; readonly subscription: Subscription }
  | { readonly ok: false; readonly refusal: Refusal };

export function refused(code: RefusalCode, detail: string): Extract<ChangeResult, { ok: false }> {
  return { ok: false, refusal: { code, detail } };
}

export const PENDING_MAX = 20;
/**
 * Changes of one subscription, withdrawn ones included. None is ever removed, because bills and admission follow from
 * them. The last is kept for a cancellation at once, which nobody can withdraw: whatever has happened, whoever pays for
 * a subscription can end it.
 */
export const CHANGES_MAX = 1_000;
/**
 * Subscriptions of one customer that may admit pulses: every ingest thread holds them in memory. Purchases at the same
 * moment may go a little beyond.
 */
export const SUBSCRIPTIONS_MAX = 10_000;
/**
 * Changes of one customer's subscriptions within 35 days or later. Every ingest thread holds their times in memory, and merges
 * those of a SKU after each change of it. A purchase is not refused for them, so that a paid order is not: within 35
 * days, `SUBSCRIPTIONS_MAX` bounds the purchases, and each subscription can still be canceled once.
 */
export const RECENT_CHANGES_MAX = 20_000;
const AHEAD_YEARS_MAX = 10;
/** No purchase takes effect before. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);

/** The changes that were not withdrawn, oldest first: the last in effect, if any, and those that are pending. */
export interface Timeline {
  readonly last: TimelineChange | undefined;
  readonly pending: readonly TimelineChange[];
}

/** What decides whether a change may follow. */
export interface ChangeableTimeline extends Timeline {
  /** The highest number of a change, withdrawn ones included; 0 if there is none. */
  readonly newestNumber: number;
}

/** A subscription whose purchase was withdrawn is canceled: it can be restarted. */
export function statusOf({ last, pending }: Timeline): SubscriptionStatus {
  if (last !== undefined) return statusAfter(last.kind);
  return pending.length > 0 ? 'pending' : 'canceled';
}

/**
 * When a new change takes effect. A timeline only grows at its end: a change never takes effect before an earlier one.
 *
 * @param now Postgres' clock, to the millisecond.
 * @returns The instant, `now` if the request names none; or why the change is refused.
 */
export function scheduleChange(
  { last, pending, newestNumber }: ChangeableTimeline,
  { kind, effectiveAt }: Pick<ChangeRequest, 'effectiveAt'> & { readonly kind: ChangeKind },
  now: Date,
): Date | Refusal {
  const before = pending.at(-1) ?? last;
  const status =
    before === undefined && kind === 'purchased'
      ? 'pending'
      : statusOf({ last: before, pending: [] });
  const earliestMs = before?.effectiveAt.getTime() ?? EARLIEST_MS;
  if (effectiveAt === undefined && pending.length > 0 && now.getTime() < earliestMs) {
    return pendingRefusal(pending);
  }
  if (status !== FROM[kind]) {
    if (pending.length > 0) return pendingRefusal(pending);
    const detail = `The subscription is ${status}: it cannot be ${kind}.`;
    return { code: 'subscription_status', detail };
  }
  // The clock may have gone back since the last change.
  const at = effectiveAt ?? new Date(Math.max(now.getTime(), earliestMs));
  if (at.getTime() < earliestMs) {
    const why = before === undefined ? '' : ', when the last change takes effect';
    const detail = `effective_at must not be before ${new Date(earliestMs).toISOString()}${why}.`;
    return { code: 'effective_at_too_early', detail };
  }
  const latest = new Date(now);
  latest.setUTCFullYear(latest.getUTCFullYear() + AHEAD_YEARS_MAX);
  if (at > latest) {
    const detail = `effective_at must be within ${AHEAD_YEARS_MAX} years.`;
    return { code: 'effective_at_too_late', detail };
  }
  if (at > now && pending.length >= PENDING_MAX) {
    const detail = `The subscription has ${PENDING_MAX} pending changes, the most that it may have.`;
    return { code: 'too_many_pending', detail };
  }
  if (newestNumber + 1 >= CHANGES_MAX && !endsAtOnce({ kind, effectiveAt }, now)) {
    return tooManyChanges(kind, newestNumber);
  }
  return at;
}

/** Whether a change is a cancellation at once, which no limit refuses. */
export function endsAtOnce(
  { kind, effectiveAt }: Pick<ChangeRequest, 'effectiveAt'> & { readonly kind: ChangeKind },
  now: Date,
): boolean {
  return kind === 'canceled' && (effectiveAt === undefined || effectiveAt <= now);
}

function tooManyChanges(kind: ChangeKind, count: number): Refusal {
  const what =
    kind === 'canceled'
      ? 'it can only be canceled at once.'
      : `it cannot be ${kind} again. Purchase a new subscription.`;
  return { code: 'too_many_changes', detail: `The subscription has ${count} changes: ${what}` };
}

function pendingRefusal(pending: readonly TimelineChange[]): Refusal {
  const next = pending.at(-1);
  const detail =
    `Change ${next?.number} (${next?.kind}) takes effect at ${next?.effectiveAt.toISOString()}: ` +
    'withdraw it first, or ask for a change after it.';
  return { code: 'change_pending', detail };
}

/** Whether a pending change may be withdrawn: only the last one, or what follows it would not fit any more. */
export function refuseWithdrawal({ pending }: Timeline, number: number): Refusal | undefined {
  const newest = pending.at(-1);
  if (newest?.number === number) return undefined;
  if (newest === undefined || !pending.some((change) => change.number === number)) {
    return { code: 'change_not_pending', detail: `Change ${number} is not pending.` };
  }
  const detail = `Change ${newest.number} follows change ${number}: withdraw it first.`;
  return { code: 'change_pending', detail };
}

/** A subscription as replies and answers show it. */
export function toSubscriptionJson(subscription: Subscription) {
  const { id, sku, tenant, status } = subscription;
  return {
    id,
    user_id: subscription.userId,
    sku,
    order_id: subscription.orderId,
    tenant,
    status,
    pending: subscription.pending.map(({ number, kind, effectiveAt }) => ({
      number,
      kind,
      effective_at: effectiveAt.toISOString(),
    })),
    version: subscription.version,
    created_at: subscription.createdAt.toISOString(),
    updated_at: subscription.updatedAt.toISOString(),
  };
}

/** A change as it is listed. */
export function toChangeJson({ number, kind, state, cause, ...change }: ListedChange) {
  return {
    number,
    kind,
    state,
    effective_at: change.effectiveAt.toISOString(),
    cause,
    changed_by: change.changedBy,
    changed_at: change.changedAt.toISOString(),
    withdrawn_by: change.withdrawnBy,
    withdrawn_at: change.withdrawnAt?.toISOString() ?? null,
  };
}

/** Subscriptions as text for people. */
import { printable, tableLines } from '../cli/table.ts';
import { describeAge } from '../cli/wording.ts';
import type { ListedChange, Subscription } from '../subscriptions/subscriptions.ts';

/** A table of subscriptions, with what changes next. */
export function describeSubscriptions(rows: readonly Subscription[], nowMs: number): string[] {
  const next = ({ pending: [change] }: Subscription): string =>
    change === undefined ? '-' : `${change.kind} ${describeAge(change.effectiveAt, nowMs)}`;
  return tableLines(
    [
      { heading: 'ID', text: ({ id }) => id },
      { heading: 'STATUS', text: ({ status }) => status },
      { heading: 'USER', text: ({ userId }) => userId, cut: true },
      { heading: 'SKU', text: ({ sku }) => sku ?? '-', cut: true },
      { heading: 'NEXT', text: next, cut: true },
    ],
    rows,
  );
}

/** Everything about one, without its changes. */
export function describeSubscription(subscription: Subscription): string[] {
  const line = (name: string, value: string): string => `${name.padEnd(14)}${printable(value)}`;
  return [
    line('id', subscription.id),
    line('status', subscription.status),
    line('user', subscription.userId),
    line('tenant', subscription.tenant ?? '- (its customer has none, or is unknown)'),
    line('sku', subscription.sku ?? '- (every product)'),
    line('order', subscription.orderId ?? '-'),
    line('created at', subscription.createdAt.toISOString()),
  ];
}

/** A table of changes. Who withdrew one stands in a line of its own below. */
export function describeChanges(changes: readonly ListedChange[]): string[] {
  const table = tableLines(
    [
      { heading: 'NUMBER', text: ({ number }) => String(number), align: 'right' },
      { heading: 'CHANGE', text: ({ kind }) => kind },
      { heading: 'STATE', text: ({ state }) => state.replace('_', ' ') },
      { heading: 'EFFECTIVE AT', text: ({ effectiveAt }) => effectiveAt.toISOString() },
      { heading: 'BY', text: ({ cause, changedBy }) => `${changedBy} (${cause})`, cut: true },
    ],
    changes,
  );
  const withdrawals = changes.flatMap(({ number, withdrawnBy, withdrawnAt }) =>
    withdrawnBy === null
      ? []
      : [
          printable(
            `Change ${number} was withdrawn by ${withdrawnBy} at ${withdrawnAt?.toISOString()}.`,
          ),
        ],
  );
  return [...table, ...withdrawals];
}

/** What a change led to. */
export function describeResult({ id, status, pending }: Subscription): string[] {
  return [
    `${id} is ${status}`,
    ...pending.map(
      ({ number, kind, effectiveAt }) =>
        `change ${number}: ${kind} at ${effectiveAt.toISOString()}`,
    ),
  ];
}

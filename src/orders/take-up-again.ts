/** Takes up an order that has failed, because its message is replayed. */
import type { ClientBase } from 'pg';
import { ImpossibleError } from '../messaging/handler.ts';
import { HISTORY_MAX, type OrderHead } from './orders.ts';
import { changeState } from './orders-query.ts';

/** Each line of the history has its version, from 1. */
export function isHistoryFull({ version }: Pick<OrderHead, 'version'>): boolean {
  return version >= HISTORY_MAX;
}

/** @throws ImpossibleError Its history is full: the order stays as it is. */
export async function takeUpAgain(
  client: Pick<ClientBase, 'query'>,
  order: OrderHead,
): Promise<void> {
  if (isHistoryFull(order)) {
    const detail = `The history of order ${order.id} has ${HISTORY_MAX} lines. Create a new order.`;
    throw new ImpossibleError({ code: 'too_many_replays', detail });
  }
  await changeState(client, order, { to: 'processing', reason: 'replayed' });
}

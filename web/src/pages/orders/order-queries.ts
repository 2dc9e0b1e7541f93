/** What the pages of orders ask the API. */
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import type { components } from '../../api/schema.d.ts';
import { lossyTextOf } from '../../parts/body-text.ts';
import { endingsOf, findEvents, type EventsQuery } from './order-events.ts';

export type Order = components['schemas']['Order'];
export type OrderHead = components['schemas']['OrderHead'];

export const ORDERS = 'orders';
const POLL_MS = 2_000;
/** What follows from the end of an order comes a little later, through RabbitMQ. */
const FOLLOWED_MS = 60_000;

/** Asks again for what an order that has just changed will lead to, until it is there. */
export function followUp(changedAt: string, isThere: boolean): number | false {
  return !isThere && Date.now() - Date.parse(changedAt) < FOLLOWED_MS ? POLL_MS : false;
}

export function useOrder(id: string) {
  return useQuery({
    queryKey: [ORDERS, 'one', id],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/api/v1/orders/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state: { data } }) =>
      data?.status === 'pending' || data?.status === 'processing' ? POLL_MS : false,
  });
}

const BEFORE_MS = 5_000;
const AFTER_MS = 600_000;
/** Each is asked for its body. */
const LOOKED_AT_MAX = 50;

/** When the dead letter of a failed order has come. */
export function failureSpan({ history, updated_at }: Order) {
  const failedAt = history.findLast(({ status }) => status === 'failed')?.at ?? updated_at;
  const at = Date.parse(failedAt);
  return {
    failedAt,
    from: new Date(at - BEFORE_MS).toISOString(),
    to: new Date(at + AFTER_MS).toISOString(),
  };
}

/** The id of the dead letter of a failed order: it names the order in its body, and comes with the failure. */
export function useDeadLetterOf(order: Order) {
  const { id, status } = order;
  const { failedAt, from, to } = failureSpan(order);
  return useQuery({
    queryKey: [ORDERS, 'dead-letter', id, failedAt],
    enabled: status === 'failed',
    queryFn: async ({ signal }) => {
      const query = { from, to, state: 'quarantined' as const, limit: 1_000 };
      const { data } = await dataOf(api.GET('/api/v1/dead-letters', { params: { query }, signal }));
      // Newest first; that of the order came right after the failure.
      const candidates = data.filter(({ queue }) => queue?.includes('orders.') === true).reverse();
      for (const { id: letterId } of candidates.slice(0, LOOKED_AT_MAX)) {
        const letter = await dataOf(
          api.GET('/api/v1/dead-letters/{id}', { params: { path: { id: letterId } }, signal }),
        );
        if (lossyTextOf(letter.body).includes(`"${id}"`)) return letterId;
      }
      return null;
    },
    refetchInterval: ({ state: { data } }) =>
      followUp(failedAt, data !== undefined && data !== null),
  });
}

/** What the customer was told about an order, oldest first. */
export function useEventsOf(order: Order) {
  const { id, updated_at } = order;
  return useQuery({
    queryKey: [ORDERS, 'events', id, updated_at],
    queryFn: ({ signal }) =>
      findEvents(order, (query: EventsQuery) =>
        dataOf(api.GET('/api/v1/messages', { params: { query }, signal })),
      ),
    refetchInterval: ({ state: { data } }) =>
      followUp(updated_at, (data?.length ?? 0) >= endingsOf(order).length),
  });
}

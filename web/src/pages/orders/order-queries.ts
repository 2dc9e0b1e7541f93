/** What the pages of orders ask the API. */
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import type { components } from '../../api/schema.d.ts';
import { findDeadLetter } from './dead-letter-of.ts';
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

/** The id of the dead letter of a failed order. */
export function useDeadLetterOf(order: Order) {
  const { id, status, updated_at } = order;
  return useQuery({
    queryKey: [ORDERS, 'dead-letter', id, updated_at],
    enabled: status === 'failed',
    queryFn: ({ signal }) =>
      findDeadLetter(order, {
        list: async (span) => {
          const query = { ...span, limit: 1_000 };
          return (await dataOf(api.GET('/api/v1/dead-letters', { params: { query }, signal })))
            .data;
        },
        body: async (letter) => {
          const params = { path: { id: letter } };
          return (await dataOf(api.GET('/api/v1/dead-letters/{id}', { params, signal }))).body;
        },
      }),
    refetchInterval: ({ state: { data } }) =>
      followUp(updated_at, data !== undefined && data !== null),
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

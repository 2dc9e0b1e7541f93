/** Who may call which route of the chain: the catalogue, orders, subscriptions, events, workflows. */
import { randomUUID } from 'node:crypto';
import { OPERATORS, READERS } from '../../src/http/caller.ts';
import { V1, type MatrixRow, type MatrixWorld } from './access-matrix-row.ts';

type Rows = Readonly<Record<string, MatrixRow>>;

export const CHAIN_ROWS: Rows = {
  ...catalogRows(),
  ...orderRows(V1),
  ...orderRows(''),
  ...subscriptionRows(),
  ...eventRows(),
  ...workflowRows(V1),
  ...workflowRows(''),
};

/** Only callers of all tenants may write: the catalogue belongs to no tenant. */
function catalogRows(): Rows {
  const write = { roles: OPERATORS, strangers: 403 } as const;
  const read = { roles: READERS, strangers: 200 } as const;
  const price = { currency: 'EUR', unit_amount: '1' };
  let seconds = 0;
  return {
    [`PUT ${V1}/customers/:id`]: {
      ...write,
      request: () => ({ url: `${V1}/customers/matrix`, payload: { name: 'Matrix' } }),
    },
    [`GET ${V1}/customers/:id`]: {
      ...read,
      request: ({ customerId }) => ({ url: `${V1}/customers/${customerId}` }),
      strangers: 404,
      shows: true,
    },
    [`GET ${V1}/customers`]: { ...read, request: () => ({ url: `${V1}/customers` }), shows: true },
    [`PUT ${V1}/products/:sku`]: {
      ...write,
      request: ({ sku }) => ({
        url: `${V1}/products/${sku}`,
        payload: { name: 'Thing', unit: 'count' },
      }),
    },
    [`GET ${V1}/products/:sku`]: {
      ...read,
      request: ({ sku }) => ({ url: `${V1}/products/${sku}` }),
    },
    [`GET ${V1}/products`]: { ...read, request: () => ({ url: `${V1}/products` }) },
    [`POST ${V1}/products/:sku/prices`]: {
      ...write,
      request: ({ sku }) => ({
        url: `${V1}/products/${sku}/prices`,
        payload: { ...price, valid_from: new Date(1e12 + 1000 * seconds++).toISOString() },
      }),
    },
    [`GET ${V1}/products/:sku/prices`]: {
      ...read,
      request: ({ sku }) => ({ url: `${V1}/products/${sku}/prices` }),
    },
    [`GET ${V1}/units`]: { ...read, request: () => ({ url: `${V1}/units` }) },
    [`PUT ${V1}/units/:unit`]: {
      ...write,
      request: () => ({
        url: `${V1}/units/dozen`,
        payload: { dimension: 'count', factor: '12' },
      }),
    },
  };
}

function subscriptionRows(): Rows {
  const read = { roles: READERS, strangers: 404, shows: true } as const;
  const list = { ...read, strangers: 200 } as const;
  const write = { roles: OPERATORS, strangers: 404 } as const;
  return {
    [`POST ${V1}/subscriptions`]: {
      ...write,
      request: ({ customerId }) => ({
        url: `${V1}/subscriptions`,
        payload: { user_id: customerId },
      }),
    },
    [`PUT ${V1}/subscriptions/:id/status`]: {
      ...write,
      request: async (world) => ({
        url: `${V1}/subscriptions/${await world.newSubscription()}/status`,
        payload: { restarted: true, effective_at: new Date(Date.now() + 1e9).toISOString() },
      }),
    },
    [`GET ${V1}/subscriptions`]: { ...list, request: () => ({ url: `${V1}/subscriptions` }) },
    [`GET ${V1}/unsubscribed-usage`]: {
      ...list,
      request: () => ({ url: `${V1}/unsubscribed-usage` }),
    },
    [`GET ${V1}/subscriptions/:id`]: {
      ...read,
      request: ({ subscriptionId }) => ({ url: `${V1}/subscriptions/${subscriptionId}` }),
    },
    [`GET ${V1}/subscriptions/:id/changes`]: {
      roles: READERS,
      strangers: 404,
      request: ({ subscriptionId }) => ({ url: `${V1}/subscriptions/${subscriptionId}/changes` }),
    },
    [`DELETE ${V1}/subscriptions/:id/changes/:number`]: {
      ...write,
      request: async (world) => ({
        url: `${V1}/subscriptions/${await world.newSubscription()}/changes/2`,
      }),
    },
  };
}

/** These routes exist at the root as well. */
function orderRows(base: string): Rows {
  return {
    [`POST ${base}/orders`]: {
      roles: OPERATORS,
      request: ({ customerId, sku }) => ({
        url: `${base}/orders`,
        payload: { customer_id: customerId, items: [{ sku, qty: 1 }] },
      }),
      strangers: 404,
    },
    [`GET ${base}/orders`]: {
      roles: READERS,
      request: () => ({ url: `${base}/orders` }),
      strangers: 200,
      shows: true,
    },
    [`GET ${base}/orders/:id`]: {
      roles: READERS,
      request: ({ orderId }) => ({ url: `${base}/orders/${orderId}` }),
      strangers: 404,
      shows: true,
    },
  };
}

/** These routes exist at the root as well. The queue belongs to no tenant. */
function workflowRows(base: string): Rows {
  const read = { roles: READERS, strangers: 404, shows: true } as const;
  const one = (end = '') => ({
    ...read,
    request: async (world: MatrixWorld) => ({
      url: `${base}/workflow/${await world.newWorkflow()}${end}`,
    }),
  });
  return {
    [`POST ${base}/workflow`]: {
      roles: OPERATORS,
      request: () => ({ url: `${base}/workflow`, payload: { data: 1, steps: ['one'] } }),
      strangers: 201,
    },
    [`GET ${base}/workflow`]: {
      ...read,
      strangers: 200,
      request: async (world) => {
        await world.newWorkflow();
        return { url: `${base}/workflow` };
      },
    },
    [`GET ${base}/workflow/consume`]: {
      roles: OPERATORS,
      request: () => ({ url: `${base}/workflow/consume` }),
      strangers: 403,
    },
    [`GET ${base}/workflow/:uuid`]: one(),
    [`GET ${base}/workflow/:uuid/csv`]: one('/csv'),
    [`PATCH ${base}/workflow/:uuid`]: {
      ...one(),
      roles: OPERATORS,
      request: async (world) => ({
        url: `${base}/workflow/${await world.newWorkflow()}`,
        payload: { status: 'inserted' },
      }),
    },
  };
}

/** Producers and event types belong to no tenant; a message belongs to that of its client. */
function eventRows(): Rows {
  const write = { roles: OPERATORS, strangers: 403 } as const;
  const read = { roles: READERS, strangers: 200 } as const;
  return {
    [`PUT ${V1}/producers/:id`]: {
      ...write,
      request: ({ producer }) => ({ url: `${V1}/producers/${producer}`, payload: {} }),
    },
    [`GET ${V1}/producers/:id`]: {
      ...read,
      request: ({ producer }) => ({ url: `${V1}/producers/${producer}` }),
    },
    [`GET ${V1}/producers`]: { ...read, request: () => ({ url: `${V1}/producers` }) },
    [`PUT ${V1}/event-types/:name`]: {
      ...write,
      request: ({ eventType }) => ({
        url: `${V1}/event-types/${eventType}`,
        payload: { schema: {} },
      }),
    },
    [`GET ${V1}/event-types/:name`]: {
      ...read,
      request: ({ eventType }) => ({ url: `${V1}/event-types/${eventType}` }),
    },
    [`GET ${V1}/event-types/:name/versions`]: {
      ...read,
      request: ({ eventType }) => ({ url: `${V1}/event-types/${eventType}/versions` }),
    },
    [`GET ${V1}/event-types`]: { ...read, request: () => ({ url: `${V1}/event-types` }) },
    [`POST ${V1}/events`]: {
      roles: OPERATORS,
      request: ({ customerId, producer, eventType }) => ({
        url: `${V1}/events`,
        payload: { id: randomUUID(), producer, type: eventType, client: customerId, data: {} },
      }),
      strangers: 422,
    },
    [`GET ${V1}/messages`]: {
      ...read,
      request: ({ producer }) => ({ url: `${V1}/messages?producer=${producer}&limit=1000` }),
      shows: true,
    },
    [`GET ${V1}/messages/:producer/:id`]: {
      roles: READERS,
      request: ({ producer, messageId }) => ({ url: `${V1}/messages/${producer}/${messageId}` }),
      strangers: 404,
      shows: true,
    },
  };
}

/**
 * Who may call which route: the table that access.integration.test.ts tests, cell by cell.
 *
 * Every route needs a row here, or the test fails. The key is method and pattern as registered; the row of a GET also
 * covers its HEAD. `public: true` means that anybody may call. Otherwise:
 * - `roles`: the roles that may call. All others must get 403.
 * - `request`: a request that passes validation, about the tenant `OWN_TENANT` where the route knows tenants. `world`
 *   creates its data; a request that changes something should create its own.
 * - `strangers`: the status for a caller who may only see `OTHER_TENANT`, with the highest of `roles` except admin. The
 *   answer must not contain the text `OWN_TENANT`, whatever the status, and nothing of that tenant may change.
 * - `shows: true` where the owner's answer contains the text `OWN_TENANT`, which proves that the check above can fail.
 */
import type { InjectOptions } from 'fastify';
import { OPERATORS, READERS, type Role } from '../../src/http/caller.ts';

export const OWN_TENANT = 'matrix-own-tenant';
export const OTHER_TENANT = 'matrix-other-tenant';

/** The data of the requests. All of it belongs to `OWN_TENANT`. */
export interface MatrixWorld {
  /** The id of a row of pulses. */
  readonly pulseId: string;
  readonly populateRunId: string;
  readonly customerId: string;
  /** The SKU of a product, which belongs to no tenant. */
  readonly sku: string;
  readonly orderId: string;
  readonly subscriptionId: string;
  /** Creates an active subscription; its second change is pending. @returns Its id. */
  newSubscription(): Promise<string>;
  /** Creates a quarantined dead letter. @returns Its id. */
  newDeadLetter(): Promise<string>;
}

export type MatrixRow =
  | { readonly public: true }
  | {
      readonly public?: never;
      readonly roles: readonly Role[];
      readonly request: (world: MatrixWorld) => InjectOptions | Promise<InjectOptions>;
      readonly strangers: number;
      readonly shows?: true;
    };

const V1 = '/api/v1';

export const ACCESS_MATRIX: Readonly<Record<string, MatrixRow>> = {
  'GET /': { public: true },
  'GET /openapi.json': { public: true },
  'GET /asyncapi.json': { public: true },
  'GET /docs': { public: true },
  'GET /docs/json': { public: true },
  'GET /docs/yaml': { public: true },
  'GET /docs/static/*': { public: true },
  'GET /docs/static/index.html': { public: true },
  'GET /docs/static/swagger-initializer.js': { public: true },
  'GET /docs/static/theme/favicon.svg': { public: true },
  'GET /health/live': { public: true },
  'GET /health/ready': { public: true },
  [`GET ${V1}/health/live`]: { public: true },
  [`GET ${V1}/health/ready`]: { public: true },
  [`GET ${V1}/problems`]: { public: true },
  [`GET ${V1}/problems/:name`]: { public: true },
  [`POST ${V1}/login`]: { public: true },

  [`GET ${V1}/pulses`]: {
    roles: READERS,
    request: () => ({ url: `${V1}/pulses?limit=1000` }),
    strangers: 200,
    shows: true,
  },
  [`GET ${V1}/pulses/:id`]: {
    roles: READERS,
    request: ({ pulseId }) => ({ url: `${V1}/pulses/${pulseId}` }),
    strangers: 404,
    shows: true,
  },
  [`POST ${V1}/pulses`]: {
    roles: OPERATORS,
    request: () => ({
      url: `${V1}/pulses`,
      payload: { tenant: OWN_TENANT, product_sku: 's', use_unity: 'u', used_amount: '1' },
    }),
    strangers: 422,
  },
  [`GET ${V1}/usage`]: {
    roles: READERS,
    request: () => ({ url: `${V1}/usage?group_by=tenant` }),
    strangers: 200,
    shows: true,
  },
  [`GET ${V1}/usage.csv`]: {
    roles: READERS,
    request: () => ({ url: `${V1}/usage.csv?group_by=tenant` }),
    strangers: 200,
    shows: true,
  },
  [`POST ${V1}/pulses/populate`]: {
    roles: OPERATORS,
    request: () => ({
      url: `${V1}/pulses/populate`,
      payload: { total_messages: 1, workers_number: 1, buffer_size: 1 },
    }),
    strangers: 403,
  },
  [`GET ${V1}/pulses/populate/:run_id`]: {
    roles: OPERATORS,
    request: ({ populateRunId }) => ({ url: `${V1}/pulses/populate/${populateRunId}` }),
    strangers: 403,
  },

  ...catalogRows(),
  ...orderRows(V1),
  ...orderRows(''),
  ...subscriptionRows(),

  [`GET ${V1}/dead-letters`]: {
    roles: READERS,
    request: () => ({ url: `${V1}/dead-letters?limit=100` }),
    strangers: 200,
    shows: true,
  },
  [`GET ${V1}/dead-letters/:id`]: {
    roles: READERS,
    request: async (world) => ({ url: `${V1}/dead-letters/${await world.newDeadLetter()}` }),
    strangers: 404,
    shows: true,
  },
  [`PUT ${V1}/dead-letters/:id/body`]: {
    roles: OPERATORS,
    request: async (world) => ({
      url: `${V1}/dead-letters/${await world.newDeadLetter()}/body`,
      payload: { content: `{"tenant":"${OWN_TENANT}"}` },
    }),
    strangers: 404,
    shows: true,
  },
  [`POST ${V1}/dead-letters/:id/replay`]: {
    roles: OPERATORS,
    request: async (world) => ({
      url: `${V1}/dead-letters/${await world.newDeadLetter()}/replay`,
      payload: {},
    }),
    strangers: 404,
    shows: true,
  },
  [`POST ${V1}/dead-letters/replay`]: {
    roles: OPERATORS,
    request: async (world) => {
      await world.newDeadLetter();
      return {
        url: `${V1}/dead-letters/replay`,
        payload: { reason: 'invalid_tenant', limit: 1_000 },
      };
    },
    strangers: 200,
    shows: true,
  },
  [`POST ${V1}/dead-letters/:id/discard`]: {
    roles: OPERATORS,
    request: async (world) => ({
      url: `${V1}/dead-letters/${await world.newDeadLetter()}/discard`,
      payload: { note: 'matrix' },
    }),
    strangers: 404,
    shows: true,
  },
  [`POST ${V1}/dead-letters/discard`]: {
    roles: OPERATORS,
    request: async (world) => {
      await world.newDeadLetter();
      return {
        url: `${V1}/dead-letters/discard`,
        payload: { reason: 'invalid_tenant', note: 'matrix' },
      };
    },
    strangers: 200,
    shows: true,
  },
};

/** Only callers of all tenants may write: the catalogue belongs to no tenant. */
function catalogRows(): Readonly<Record<string, MatrixRow>> {
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

function subscriptionRows(): Readonly<Record<string, MatrixRow>> {
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
function orderRows(base: string): Readonly<Record<string, MatrixRow>> {
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

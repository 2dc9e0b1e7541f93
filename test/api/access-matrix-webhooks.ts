/** Who may call the routes of webhooks. */
import { OPERATORS, READERS } from '../../src/http/caller.ts';
import { V1, type MatrixRow } from './access-matrix-row.ts';

export const WEBHOOK_ROWS: Readonly<Record<string, MatrixRow>> = {
  ...endpointRows(),
  ...deliveryRows(),
};

function endpointRows(): Readonly<Record<string, MatrixRow>> {
  const read = { roles: READERS, strangers: 404, shows: true } as const;
  const write = { roles: OPERATORS, strangers: 404 } as const;
  return {
    [`PUT ${V1}/endpoints/:id`]: {
      ...write,
      request: ({ customerId, endpointId }) => ({
        url: `${V1}/endpoints/${endpointId}`,
        payload: { client: customerId, url: 'https://example.com/' },
      }),
    },
    [`GET ${V1}/endpoints`]: {
      ...read,
      strangers: 200,
      request: () => ({ url: `${V1}/endpoints` }),
    },
    [`GET ${V1}/endpoints/:id`]: {
      ...read,
      request: async (world) => ({ url: `${V1}/endpoints/${await world.newEndpoint()}` }),
    },
    [`DELETE ${V1}/endpoints/:id`]: {
      ...write,
      request: async (world) => ({ url: `${V1}/endpoints/${await world.newEndpoint()}` }),
    },
    [`POST ${V1}/endpoints/:id/rotate-secret`]: {
      ...write,
      request: ({ endpointId }) => ({
        url: `${V1}/endpoints/${endpointId}/rotate-secret`,
        payload: {},
      }),
    },
    [`POST ${V1}/endpoints/:id/test`]: {
      ...write,
      request: ({ endpointId }) => ({ url: `${V1}/endpoints/${endpointId}/test` }),
    },
    [`POST ${V1}/endpoints/:id/recover`]: {
      ...write,
      request: ({ endpointId }) => ({
        url: `${V1}/endpoints/${endpointId}/recover`,
        payload: { since: '2026-01-01T00:00:00Z' },
      }),
    },
  };
}

function deliveryRows(): Readonly<Record<string, MatrixRow>> {
  return {
    [`GET ${V1}/deliveries`]: {
      roles: READERS,
      strangers: 200,
      shows: true,
      request: () => ({ url: `${V1}/deliveries` }),
    },
    [`GET ${V1}/deliveries/:id`]: {
      roles: READERS,
      strangers: 404,
      shows: true,
      request: ({ deliveryId }) => ({ url: `${V1}/deliveries/${deliveryId}` }),
    },
    [`GET ${V1}/deliveries/:id/attempts`]: {
      roles: READERS,
      strangers: 404,
      shows: true,
      request: ({ deliveryId }) => ({ url: `${V1}/deliveries/${deliveryId}/attempts` }),
    },
    [`POST ${V1}/deliveries/:id/resend`]: {
      roles: OPERATORS,
      strangers: 404,
      request: ({ deliveryId }) => ({
        url: `${V1}/deliveries/${deliveryId}/resend`,
        payload: {},
      }),
    },
  };
}

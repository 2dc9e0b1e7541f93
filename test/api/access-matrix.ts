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
import { OPERATORS, READERS } from '../../src/http/caller.ts';
import { ACCESS_ROWS } from './access-matrix-access.ts';
import { CHAIN_ROWS } from './access-matrix-chain.ts';
import { EXPORT_ROWS } from './access-matrix-exports.ts';
import { OWN_TENANT, V1, type MatrixRow } from './access-matrix-row.ts';
import { WEBHOOK_ROWS } from './access-matrix-webhooks.ts';

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

  ...ACCESS_ROWS,
  ...CHAIN_ROWS,
  ...WEBHOOK_ROWS,
  ...EXPORT_ROWS,

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

/** Endpoints over HTTP. */
import type { FastifyRequest } from 'fastify';
import { findCustomer } from '../catalog/catalog.ts';
import type { Api } from '../http/api-module.ts';
import { OPERATORS, READERS } from '../http/caller.ts';
import { instantFrom } from '../http/instants.ts';
import { nextLink } from '../http/page-links.ts';
import { PAGE_LIMIT_DEFAULT } from '../http/page-schema.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { setPutOutcome } from '../http/change-outcome.ts';
import { createTenantLimit } from '../http/tenant-limit.ts';
import {
  connectionsOf,
  readAsTenants,
  type ScopedPool,
  workAsOwner,
} from '../platform/scoped-postgres.ts';
import {
  noEndpoint,
  OVERLAP_HOURS_DEFAULT,
  putEndpoint,
  removeEndpoint,
  rotateSecretOf,
  type ChangedEndpoint,
  type ChangeEndpointDeps,
} from './change-endpoint.ts';
import { toEndpointJson } from './delivery-json.ts';
import { DELIVERY_PROBLEMS } from './delivery-problems.ts';
import type { Endpoint } from './delivery.ts';
import { listEndpoints, readEndpoint } from './endpoints-query.ts';
import {
  deleteEndpointSchema,
  getEndpointSchema,
  listEndpointsSchema,
  putEndpointSchema,
  recoverEndpointSchema,
  rotateSecretSchema,
  testEndpointSchema,
} from './endpoints-schema.ts';
import { recoverEndpoint } from './recover-endpoint.ts';
import { testEndpoint, type TestEndpointDeps } from './test-endpoint.ts';

export interface EndpointsDeps extends ChangeEndpointDeps, Omit<TestEndpointDeps, 'pool'> {
  readonly pool: ScopedPool;
  readonly secretBox: ChangeEndpointDeps['secretBox'];
}

const WRITE = { roles: OPERATORS } as const;
const READ = { roles: READERS } as const;
/** Each waits for a receiver, for up to 15 seconds. */
const TESTS = { what: 'tests of endpoints', perTenant: 2, total: 20 };
/** Each takes a connection and up to a minute. */
const RECOVERIES = { what: 'recoveries of endpoints', perTenant: 1, total: 3 };

export function addEndpoints(api: Api, deps: EndpointsDeps): void {
  addChanges(api, deps);
  addReads(api, deps.pool);
  addRotation(api, deps);
  addTest(api, deps);
  addRecovery(api, deps.pool);
}

function addReads(api: Api, pool: ScopedPool): void {
  const list = { schema: listEndpointsSchema, config: READ };
  api.get('/endpoints', list, async (request, reply) => {
    const { limit = PAGE_LIMIT_DEFAULT, after, ...filters } = request.query;
    const { tenants: scope } = request.user;
    const rows = await readAsTenants(pool, scope, (client) =>
      listEndpoints(client, { scope, ...filters }, { limit: limit + 1, after }),
    );
    const data = rows.slice(0, limit);
    const next = rows.length > limit ? (data.at(-1)?.id ?? null) : null;
    if (next !== null) {
      const parameters = { ...request.query, limit, after: next };
      void reply.header('link', nextLink(`${api.prefix}/endpoints`, parameters));
    }
    return { data: data.map(toEndpointJson), next };
  });

  const one = { schema: getEndpointSchema, config: { ...READ, conditional: true } } as const;
  api.get('/endpoints/:id', one, async (request) =>
    toEndpointJson(await findVisible(pool, request, request.params.id)),
  );
}

function addChanges(api: Api, deps: EndpointsDeps): void {
  const { pool } = deps;
  const put = { schema: putEndpointSchema, config: WRITE };
  api.put('/endpoints/:id', put, async (request, reply) => {
    const { id } = request.params;
    const { client: owner, fifo = false, rate_per_second: rate = null, ...rest } = request.body;
    const { description = null, types = null, filter = null, url, status, secret } = rest;
    await refuseForeignClient(pool, request, owner);
    const mayKnow = await isVisible(pool, request, id);
    const facts = { id, client: owner, url, description, types, filter };
    const wanted = { ...facts, isFifo: fifo, ratePerSecond: rate, status, secret };
    const changed = await workAsOwner(pool, request.user.tenants, (client) =>
      putEndpoint(client, wanted, { ...deps, mayKnow }),
    );
    setPutOutcome(request, reply, changed.outcome);
    if (changed.secret === undefined) return toEndpointJson(changed.endpoint);
    void reply.header('location', `${api.prefix}/endpoints/${encodeURIComponent(id)}`);
    return withSecret(changed);
  });

  const remove = { schema: deleteEndpointSchema, config: WRITE };
  api.delete('/endpoints/:id', remove, async (request, reply) => {
    const { id } = await findVisible(pool, request, request.params.id);
    if (!(await removeEndpoint(connectionsOf(pool, request.user.tenants), id))) throw noEndpoint();
    return reply.code(204).send(null);
  });
}

function addRotation(api: Api, { pool, secretBox }: EndpointsDeps): void {
  const options = { schema: rotateSecretSchema, config: WRITE };
  api.post('/endpoints/:id/rotate-secret', options, async (request) => {
    const { id } = await findVisible(pool, request, request.params.id);
    const { secret, overlap_hours: overlapHours = OVERLAP_HOURS_DEFAULT } = request.body;
    const rotated = await workAsOwner(pool, request.user.tenants, (client) =>
      rotateSecretOf(client, id, { secretBox, overlapHours, secret }),
    );
    if (rotated === undefined) throw noEndpoint();
    return withSecret(rotated);
  });
}

function addTest(api: Api, deps: EndpointsDeps): void {
  const tests = createTenantLimit(TESTS);
  const options = { schema: testEndpointSchema, config: WRITE };
  api.post('/endpoints/:id/test', options, async (request) => {
    const { id } = await findVisible(deps.pool, request, request.params.id);
    const { tenants } = request.user;
    const leave = tests.enter(tenants);
    try {
      return await testEndpoint(id, { ...deps, pool: connectionsOf(deps.pool, tenants) });
    } finally {
      leave();
    }
  });
}

function addRecovery(api: Api, pool: ScopedPool): void {
  const recoveries = createTenantLimit(RECOVERIES);
  const options = { schema: recoverEndpointSchema, config: WRITE };
  api.post('/endpoints/:id/recover', options, async (request) => {
    const { since, dry_run: dryRun = false } = request.body;
    const sinceMs = instantFrom('since', since);
    const endpoint = await findVisible(pool, request, request.params.id);
    if (endpoint.status !== 'enabled' && !dryRun) {
      throw new ProblemError(DELIVERY_PROBLEMS.PULSE_API_ENDPOINT_DISABLED, {
        detail: 'Enable the endpoint first. A dry run is possible before.',
      });
    }
    const leave = recoveries.enter(request.user.tenants);
    try {
      const asked = { since: new Date(sinceMs), dryRun };
      const { failedCount, missedCount, next } = await recoverEndpoint(
        connectionsOf(pool, request.user.tenants),
        endpoint,
        asked,
      );
      const changedCount = dryRun ? 0 : failedCount + missedCount;
      if (changedCount === 0) request.changesNothing = true;
      // Attempts follow, and each stores what it was answered.
      request.addStored(changedCount);
      return {
        failed_count: failedCount,
        missed_count: missedCount,
        next: next?.toISOString() ?? null,
      };
    } finally {
      leave();
    }
  });
}

function withSecret({ endpoint, secret = '' }: ChangedEndpoint) {
  return { ...toEndpointJson(endpoint), secret };
}

/** @throws ProblemError 404 There is no such customer, or the caller may not see it. */
async function refuseForeignClient(
  pool: ScopedPool,
  { user }: FastifyRequest,
  id: string,
): Promise<void> {
  const customer = await readAsTenants(pool, user.tenants, (client) => findCustomer(client, id));
  if (customer !== undefined) return;
  throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
    detail:
      'There is no customer with this id among your tenants. PUT /customers/{id} creates one.',
  });
}

async function isVisible(pool: ScopedPool, { user }: FastifyRequest, id: string): Promise<boolean> {
  if (user.tenants === 'all') return true;
  const found = await readAsTenants(pool, user.tenants, (client) => readEndpoint(client, id));
  return found !== undefined;
}

/** @throws ProblemError 404 The caller may not see it, or it does not exist. */
async function findVisible(
  pool: ScopedPool,
  { user }: FastifyRequest,
  id: string,
): Promise<Endpoint> {
  const found = await readAsTenants(pool, user.tenants, (client) => readEndpoint(client, id));
  if (found === undefined) throw noEndpoint();
  return found;
}

/** Deliveries and their attempts over HTTP. */
import type { FastifyRequest } from 'fastify';
import type { Api } from '../http/api-module.ts';
import { OPERATORS, READERS } from '../http/caller.ts';
import { checkedCursor } from '../http/cursor.ts';
import { spanFrom } from '../http/instants.ts';
import { nextLink } from '../http/page-links.ts';
import { PAGE_LIMIT_DEFAULT } from '../http/page-schema.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { readAsTenants, type ScopedPool, workAsOwner } from '../platform/scoped-postgres.ts';
import { noEndpoint } from './change-endpoint.ts';
import { listAttempts, listDeliveries, readDelivery } from './deliveries-query.ts';
import {
  getDeliverySchema,
  listAttemptsSchema,
  listDeliveriesSchema,
  resendDeliverySchema,
} from './deliveries-schema.ts';
import { cursorOf, parseCursor } from './delivery-cursor.ts';
import { toAttemptJson, toDeliveryJson } from './delivery-json.ts';
import type { Delivery } from './delivery.ts';
import { readEndpoint } from './endpoints-query.ts';
import { resend } from './resend-delivery.ts';

const WRITE = { roles: OPERATORS } as const;
const READ = { roles: READERS } as const;

export function addDeliveries(api: Api, pool: ScopedPool): void {
  addList(api, pool);
  addReads(api, pool);
  addResend(api, pool);
}

function addList(api: Api, pool: ScopedPool): void {
  const list = { schema: listDeliveriesSchema, config: READ };
  api.get('/deliveries', list, async (request, reply) => {
    const { limit = PAGE_LIMIT_DEFAULT, after: text, endpoint, from, to, ...rest } = request.query;
    const cursor = checkedCursor(text);
    const after = cursor === undefined ? undefined : parseCursor(cursor);
    const { fromMs, toMs } = spanFrom({ from, to });
    const { tenants: scope } = request.user;
    const span = { from: toDate(fromMs), to: toDate(toMs) };
    const filters = { ...rest, ...span, scope, endpointId: endpoint };
    const rows = await readAsTenants(pool, scope, (client) =>
      listDeliveries(client, filters, { limit: limit + 1, after }),
    );
    const data = rows.slice(0, limit);
    const last = rows.length > limit ? data.at(-1) : undefined;
    const next = last === undefined ? null : cursorOf(last);
    if (next !== null) {
      const parameters = { ...request.query, limit, after: next };
      void reply.header('link', nextLink(`${api.prefix}/deliveries`, parameters));
    }
    return { data: data.map(toDeliveryJson), next };
  });
}

function addReads(api: Api, pool: ScopedPool): void {
  const one = { schema: getDeliverySchema, config: { ...READ, conditional: true } } as const;
  api.get('/deliveries/:id', one, async (request) =>
    toDeliveryJson(await findVisible(pool, request, request.params.id)),
  );

  const attempts = { schema: listAttemptsSchema, config: READ };
  api.get('/deliveries/:id/attempts', attempts, async (request, reply) => {
    const { id } = await findVisible(pool, request, request.params.id);
    const { limit = PAGE_LIMIT_DEFAULT, after: before } = request.query;
    const rows = await readAsTenants(pool, request.user.tenants, (client) =>
      listAttempts(client, id, { limit: limit + 1, before }),
    );
    const data = rows.slice(0, limit);
    const next = rows.length > limit ? (data.at(-1)?.number ?? null) : null;
    if (next !== null) {
      const path = `${api.prefix}/deliveries/${id}/attempts`;
      void reply.header('link', nextLink(path, { limit, after: next }));
    }
    return { data: data.map(toAttemptJson), next };
  });
}

function addResend(api: Api, pool: ScopedPool): void {
  const options = { schema: resendDeliverySchema, config: WRITE };
  api.post('/deliveries/:id/resend', options, async (request, reply) => {
    const { endpoint } = request.body;
    const delivery = await findVisible(pool, request, request.params.id);
    if (endpoint !== undefined) await refuseForeignEndpoint(pool, request, endpoint);
    const sent = await workAsOwner(pool, request.user.tenants, (client) =>
      resend(client, delivery, endpoint),
    );
    void reply.code(202).header('location', `${api.prefix}/deliveries/${sent.id}`);
    return toDeliveryJson(sent);
  });
}

function toDate(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

/** @throws ProblemError 404 The caller may not see it, or it does not exist. */
async function findVisible(
  pool: ScopedPool,
  { user }: FastifyRequest,
  id: string,
): Promise<Delivery> {
  const found = await readAsTenants(pool, user.tenants, (client) => readDelivery(client, id));
  if (found !== undefined) return found;
  const detail = 'There is no delivery with this id.';
  throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, { detail });
}

async function refuseForeignEndpoint(
  pool: ScopedPool,
  { user }: FastifyRequest,
  id: string,
): Promise<void> {
  const found = await readAsTenants(pool, user.tenants, (client) => readEndpoint(client, id));
  if (found === undefined) throw noEndpoint();
}

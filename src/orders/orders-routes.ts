/** POST /orders, GET /orders and GET /orders/:id. */
import { randomUUID } from 'node:crypto';
import { includesTenant, type TenantScope } from '../core/tenant-scope.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, OPERATORS, READERS } from '../http/caller.ts';
import { checkedCursor, toPage } from '../http/cursor.ts';
import { createIdempotencyKeys, toKeyedRequest, type KeyLimits } from '../http/idempotency-keys.ts';
import { spanFrom } from '../http/instants.ts';
import { nextLink } from '../http/page-links.ts';
import { PAGE_LIMIT_DEFAULT } from '../http/page-schema.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import { setReplayed } from '../http/change-outcome.ts';
import { requestOrigin, toPublication } from '../messaging/message.ts';
import type { MessageStep } from '../messaging/message-steps.ts';
import { writeToOutbox } from '../messaging/outbox.ts';
import { readAsTenants, type ScopedPool } from '../platform/scoped-postgres.ts';
import type { Tracing } from '../platform/tracing.ts';
import { describeOrderQueues } from './orders-asyncapi.ts';
import type { OrdersCache } from './orders-cache.ts';
import { insertOrder, listOrders, readOrder, readVersion } from './orders-query.ts';
import { orderMessage } from './orders-queues.ts';
import {
  createOrderSchema,
  getOrderSchema,
  listOrdersSchema,
  type OrderAnswer,
} from './orders-schema.ts';
import type { NewOrder, Order, OrderHead } from './orders.ts';

export interface OrdersModuleDeps {
  readonly pool: ScopedPool;
  readonly cache: OrdersCache;
  readonly tracing: Tracing;
  /** Of the names of exchanges and queues. */
  readonly prefix: string;
  /** Of an order that names none. */
  readonly currency: string;
  /** What the idempotency keys of one caller may take. */
  readonly keyLimits?: KeyLimits;
  /** Called after each step of the outbox; fault tests stop the process there. */
  readonly onStep: (step: MessageStep) => void;
}

/** Orders. */
export function createOrdersModule(deps: OrdersModuleDeps): ApiModule {
  return {
    tag: { name: 'orders', description: 'From a request to a completed, priced order.' },
    problems: {},
    queues: describeOrderQueues(deps.prefix),
    atRoot: true,
    addRoutes(api) {
      addCreate(api, deps);
      addReads(api, deps);
    },
  };
}

const KEY_NAMES = ['Idempotency-Key', 'X-Idempotency-Key'];

function addCreate(api: Api, deps: OrdersModuleDeps): void {
  const { pool, prefix, tracing, onStep } = deps;
  const config = { roles: OPERATORS };
  const keys = createIdempotencyKeys(pool, deps.keyLimits);

  api.post('/orders', { schema: createOrderSchema, config }, async (request, reply) => {
    const { customer_id: customerId, items, currency = deps.currency } = request.body;
    refuseRepeatedSkus(items);
    const origin = requestOrigin(request, tracing);
    // Not the path: at the root and below the base path, a key means the same order.
    const keyed = toKeyedRequest(request, ['POST /orders', request.body], KEY_NAMES);
    const { answer, replayed } = await keys(request.user.tenants).once(keyed, async (client) => {
      const order: NewOrder = {
        id: randomUUID(),
        customerId,
        items,
        currency,
        createdBy: actorNameOf(request.user),
      };
      refuseForeignTenant(await insertOrder(client, order), request.user.tenants);
      const message = orderMessage(prefix, 'created', { orderId: order.id });
      await writeToOutbox(client, toPublication(message, origin, Date.now()));
      onStep('written');
      return { order_id: order.id, status: 'pending' as const };
    });
    onStep('committed');
    if (replayed) setReplayed(request, reply);
    void reply.code(202).header('location', `${api.prefix}/orders/${answer.order_id}`);
    return answer;
  });
}

/** Adding them up would hide a mistake of the caller. */
function refuseRepeatedSkus(items: readonly { readonly sku: string }[]): void {
  const seen = new Set<string>();
  for (const [index, { sku }] of items.entries()) {
    if (seen.has(sku)) throw invalidField(`items.${index}.sku`, `"${sku}" is in the order twice`);
    seen.add(sku);
  }
}

/**
 * An order of an unknown customer is accepted and fails later; a caller of some tenants may only order for their
 * customers.
 */
function refuseForeignTenant(tenant: string | null, scope: TenantScope): void {
  if (scope === 'all' || (tenant !== null && includesTenant(scope, tenant))) return;
  throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
    detail: 'There is no customer with this id among your tenants.',
  });
}

function addReads(api: Api, { pool, cache }: OrdersModuleDeps): void {
  const config = { roles: READERS };

  api.get('/orders', { schema: listOrdersSchema, config }, async (request, reply) => {
    const { limit = PAGE_LIMIT_DEFAULT, after, customer_id: customerId, ...rest } = request.query;
    const page = { limit: limit + 1, after: checkedCursor(after) };
    const { tenants: scope } = request.user;
    const filters = { scope, customerId, status: rest.status, ...spanFrom(rest) };
    const rows = await readAsTenants(pool, scope, (client) => listOrders(client, filters, page));
    const { data, next } = toPage(rows, limit);
    if (next !== null) {
      const parameters = { ...request.query, limit, after: next };
      void reply.header('link', nextLink(`${api.prefix}/orders`, parameters));
    }
    return { data: data.map(headToApi), next };
  });

  const conditional = { ...config, conditional: true } as const;
  api.get('/orders/:id', { schema: getOrderSchema, config: conditional }, async (request) => {
    const { id } = request.params;
    const { tenants: scope } = request.user;
    const version = await readAsTenants(pool, scope, (client) => readVersion(client, id));
    if (version === undefined) throw notFound();
    const cached = await cache.get(id, version);
    if (cached !== undefined) return JSON.parse(cached) as OrderAnswer;
    const order = await readAsTenants(pool, scope, (client) => readOrder(client, id));
    if (order === undefined) throw notFound();
    const answer = toApi(order);
    cache.put(id, order.version, JSON.stringify(answer));
    return answer;
  });
}

function notFound(): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
    detail: 'There is no order with this id.',
  });
}

function headToApi(order: OrderHead) {
  return {
    id: order.id,
    customer_id: order.customerId,
    status: order.status,
    currency: order.currency,
    total_amount: order.totalAmount,
    failure: order.failure,
    created_at: order.createdAt.toISOString(),
    updated_at: order.updatedAt.toISOString(),
  };
}

function toApi(order: Order): OrderAnswer {
  return {
    ...headToApi(order),
    items: order.items.map(({ sku, qty, unitAmount, amount }) => ({
      sku,
      qty,
      ...(unitAmount === null ? {} : { unit_amount: unitAmount }),
      ...(amount === null ? {} : { amount }),
    })),
    enrichment: order.isEnriched ? { customer: order.customer, data: order.enrichment } : null,
    history: order.history.map((change) => ({ ...change, at: change.at.toISOString() })),
  };
}

/** Subscriptions over HTTP. Changes are asked for by messages, as any other client of RabbitMQ asks for them. */
import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { mayActFor } from '../catalog/catalog.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, OPERATORS, READERS } from '../http/caller.ts';
import { checkedCursor, toPage } from '../http/cursor.ts';
import { createIdempotencyKeys, toKeyedRequest, type KeyLimits } from '../http/idempotency-keys.ts';
import { instantFrom } from '../http/instants.ts';
import { nextLink } from '../http/page-links.ts';
import { PAGE_LIMIT_DEFAULT } from '../http/page-schema.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import { createTenantLimit, type TenantLimit } from '../http/tenant-limit.ts';
import { requestOrigin, toPublication } from '../messaging/message.ts';
import { writeToOutbox } from '../messaging/outbox.ts';
import { readAsTenants, type ScopedPool, workAsOwner } from '../platform/scoped-postgres.ts';
import type { Tracing } from '../platform/tracing.ts';
import { withdrawChange } from './change-subscription.ts';
import {
  refusalProblem,
  requestChange,
  type RequestChangeDeps,
  type SubscriptionJson,
} from './request-change.ts';
import { describeSubscriptionQueues } from './subscriptions-asyncapi.ts';
import { SUBSCRIPTION_PROBLEMS } from './subscriptions-problems.ts';
import { listChanges, listSubscriptions, readSubscription } from './subscriptions-query.ts';
import {
  changeStatusSchema,
  getSubscriptionSchema,
  listChangesSchema,
  listSubscriptionsSchema,
  purchaseSchema,
  withdrawChangeSchema,
} from './subscriptions-schema.ts';
import { toChangeJson, toSubscriptionJson, type ChangeKind } from './subscriptions.ts';
import { addUnsubscribedUsage } from './unsubscribed-routes.ts';

export interface SubscriptionsModuleDeps extends RequestChangeDeps {
  readonly pool: ScopedPool;
  readonly tracing: Tracing;
  /** What the idempotency keys of one caller may take. */
  readonly keyLimits?: KeyLimits;
}

/** Requests that wait for an answer: each holds a request's memory for up to five seconds. */
const WAITING = { what: 'changes of subscriptions', perTenant: 100, total: 400 };

export function createSubscriptionsModule(deps: SubscriptionsModuleDeps): ApiModule {
  return {
    tag: { name: 'subscriptions', description: 'Purchased, canceled and restarted.' },
    problems: SUBSCRIPTION_PROBLEMS,
    queues: describeSubscriptionQueues(deps.prefix),
    addRoutes(api) {
      const keys = createIdempotencyKeys(deps.pool, deps.keyLimits);
      const waiting = createTenantLimit(WAITING);
      addChanges(api, { ...deps, keys, waiting });
      addWithdrawal(api, deps);
      addReads(api, deps.pool);
      addUnsubscribedUsage(api, deps.pool);
    },
  };
}

interface ChangeDeps extends SubscriptionsModuleDeps {
  readonly keys: ReturnType<typeof createIdempotencyKeys>;
  readonly waiting: TenantLimit;
}

const WRITE = { roles: OPERATORS } as const;
const READ = { roles: READERS } as const;

function addChanges(api: Api, deps: ChangeDeps): void {
  const { pool } = deps;

  api.post('/subscriptions', { schema: purchaseSchema, config: WRITE }, async (request, reply) => {
    const { user_id: given, effective_at: effectiveAt, ...rest } = request.body;
    const userId = String(given);
    refuseNoInstant(effectiveAt);
    await refuseForeignUser(pool, request, userId);
    const members = { ...rest, user_id: userId, effective_at: effectiveAt };
    return change(deps, { request, reply }, { kind: 'purchased', members, statusDone: 201 });
  });

  const put = { schema: changeStatusSchema, config: WRITE };
  api.put('/subscriptions/:id/status', put, async (request, reply) => {
    const { canceled, restarted, effective_at: effectiveAt } = request.body;
    if (canceled === restarted) {
      throw invalidField('body', 'must have exactly one of `canceled` and `restarted`');
    }
    refuseNoInstant(effectiveAt);
    const { id } = request.params;
    await findVisible(pool, request, id);
    const kind = canceled === true ? 'canceled' : 'restarted';
    const members = { id, effective_at: effectiveAt };
    return change(deps, { request, reply }, { kind, members, statusDone: 200 });
  });
}

/** Under one idempotency key, the ids of the message and of a new subscription are always the same. */
async function change(
  deps: ChangeDeps,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  asked: { readonly kind: ChangeKind; readonly members: object; readonly statusDone: 200 | 201 },
): Promise<SubscriptionJson | { readonly id: string }> {
  const { keys, waiting, tracing } = deps;
  const { kind, members, statusDone } = asked;
  const leave = waiting.enter(request.user.tenants);
  try {
    const ids = () => Promise.resolve({ messageId: randomUUID(), id: randomUUID() });
    const keyed = toKeyedRequest(request, [request.method, request.url, request.body]);
    const { answer, replayed } =
      keyed === undefined
        ? { answer: await ids(), replayed: false }
        : await keys(request.user.tenants).once(keyed, ids);
    const { id, messageId } = { ...answer, ...(members as { id?: string }) };
    if (replayed) void reply.header('idempotent-replayed', 'true');
    const traceparent = tracing.carriedTraceparent();
    const subscription = await requestChange(deps, kind, {
      messageId,
      body: { ...members, id, cause: 'api', changed_by: actorNameOf(request.user) },
      correlationId: request.id,
      headers: traceparent === undefined ? {} : { traceparent },
    });
    const isLate = subscription === undefined;
    void reply.code(isLate ? 202 : statusDone);
    if (isLate || statusDone === 201) {
      void reply.header('location', `${request.server.prefix}/subscriptions/${id}`);
    }
    return subscription ?? { id };
  } finally {
    leave();
  }
}

function refuseNoInstant(effectiveAt: string | undefined): void {
  if (effectiveAt !== undefined) instantFrom('effective_at', effectiveAt);
}

/** @throws ProblemError 404 The caller may not purchase for this customer. */
async function refuseForeignUser(
  pool: ScopedPool,
  { user }: FastifyRequest,
  userId: string,
): Promise<void> {
  if (await mayActFor(pool, user.tenants, userId)) return;
  throw notFound('There is no customer with this id among your tenants.');
}

/** @throws ProblemError 404 The caller may not see it, or it does not exist. */
async function findVisible(pool: ScopedPool, { user }: FastifyRequest, id: string) {
  const found = await readAsTenants(pool, user.tenants, (client) => readSubscription(client, id));
  if (found === undefined) throw notFound('There is no subscription with this id.');
  return found;
}

function notFound(detail: string): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, { detail });
}

function addWithdrawal(api: Api, { pool, prefix, tracing }: SubscriptionsModuleDeps): void {
  const options = { schema: withdrawChangeSchema, config: WRITE };
  api.delete('/subscriptions/:id/changes/:number', options, async (request) => {
    const { id, number } = request.params;
    await findVisible(pool, request, id);
    const origin = requestOrigin(request, tracing);
    const withdrawnBy = actorNameOf(request.user);
    const result = await workAsOwner(pool, request.user.tenants, (client) =>
      withdrawChange(
        {
          client,
          prefix,
          publish: (message) => writeToOutbox(client, toPublication(message, origin, Date.now())),
        },
        { id, number: Number(number), withdrawnBy },
      ),
    );
    if (!result.ok) throw refusalProblem(result.refusal.code, result.refusal.detail);
    return toSubscriptionJson(result.subscription);
  });
}

function addReads(api: Api, pool: ScopedPool): void {
  const list = { schema: listSubscriptionsSchema, config: READ };
  api.get('/subscriptions', list, async (request, reply) => {
    const { limit = PAGE_LIMIT_DEFAULT, after, user_id: userId, ...rest } = request.query;
    const page = { limit: limit + 1, after: checkedCursor(after) };
    const { tenants: scope } = request.user;
    const rows = await readAsTenants(pool, scope, (client) =>
      listSubscriptions(client, { scope, userId, ...rest }, page),
    );
    const { data, next } = toPage(rows, limit);
    if (next !== null) {
      const parameters = { ...request.query, limit, after: next };
      void reply.header('link', nextLink(`${api.prefix}/subscriptions`, parameters));
    }
    return { data: data.map(toSubscriptionJson), next };
  });

  const one = { schema: getSubscriptionSchema, config: { ...READ, conditional: true } } as const;
  api.get('/subscriptions/:id', one, async (request) =>
    toSubscriptionJson(await findVisible(pool, request, request.params.id)),
  );

  const changes = { schema: listChangesSchema, config: READ };
  api.get('/subscriptions/:id/changes', changes, async (request, reply) => {
    const { id } = request.params;
    const { limit = PAGE_LIMIT_DEFAULT, after: before } = request.query;
    await findVisible(pool, request, id);
    const rows = await readAsTenants(pool, request.user.tenants, (client) =>
      listChanges(client, id, { limit: limit + 1, before }),
    );
    const data = rows.slice(0, limit);
    const next = rows.length > limit ? (data.at(-1)?.number ?? null) : null;
    if (next !== null) {
      const path = `${api.prefix}/subscriptions/${id}/changes`;
      void reply.header('link', nextLink(path, { limit, after: next }));
    }
    return { data: data.map(toChangeJson), next };
  });
}

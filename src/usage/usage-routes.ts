/** GET /usage and GET /usage.csv: sums by window and group, as JSON, CSV or NDJSON. */
import type { FastifyReply } from 'fastify';
import { PulseError } from '../core/errors.ts';
import { shareOf } from '../core/tenant-scope.ts';
import {
  connectionsOf,
  outOfTurn,
  readAsTenants,
  type ScopedPool,
} from '../platform/scoped-postgres.ts';
import { freshnessInstant, freshnessToJson } from './freshness.ts';
import { createHeldReads, HeldReadsBusyError, type HeldReads } from './held-reads.ts';
import { HELD_ROWS_MAX, readHeld, TooMuchHeldError, type HeldReader } from './read-held.ts';
import { AsOfFutureError, readUsage, type UsageDeps } from './read-usage.ts';
import { csvEncoder, NDJSON_ENCODER } from './row-encoders.ts';
import { openUsageStream, type RowEncoder } from './stream-usage.ts';
import type { Freshness, UsageQuery } from './usage.ts';
import { signalOfEnd, whenOver } from '../http/answer-deadline.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, READERS, type Caller } from '../http/caller.ts';
import { letAnswerLast } from '../http/lasting-answer.ts';
import { preferredType } from '../http/media-type.ts';
import { nextLink } from '../http/page-links.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import { createTenantLimit } from '../http/tenant-limit.ts';
import { getUsageCsvSchema, getUsageSchema, USAGE_LIMIT_DEFAULT } from './usage-schema.ts';
import { parseUsageParameters } from './usage-parameters.ts';
import { USAGE_PROBLEMS } from './usage-problems.ts';

/** What usage needs besides Postgres. */
export interface UsageSources extends Pick<UsageDeps, 'pulseAgeMaxMs' | 'windowSeconds'> {
  readonly held: HeldReader;
}

export interface UsageModuleDeps {
  readonly pool: ScopedPool;
  readonly usage: UsageSources;
}

const JSON_TYPE = 'application/json';
const CSV_TYPE = 'text/csv';
const NDJSON_TYPE = 'application/x-ndjson';
type ExportType = typeof CSV_TYPE | typeof NDJSON_TYPE;

/** An export holds a Postgres connection for as long as its caller reads; other requests need some as well. */
const EXPORTS = { what: 'exports', perTenant: 2, total: 5 };
/** How long an export may take. The socket's time-out ends a stalled one sooner. */
const EXPORT_TIMEOUT_MS = 3_600_000;

export function createUsageModule(deps: UsageModuleDeps): ApiModule {
  return {
    tag: { name: 'usage', description: 'Exact sums of everything counted, flushed or not.' },
    problems: USAGE_PROBLEMS,
    addRoutes: (api) => {
      addRoutes(api, deps);
    },
  };
}

function addRoutes(api: Api, deps: UsageModuleDeps): void {
  const { held } = deps.usage;
  const heldReads = createHeldReads((filter) => readHeld(held, filter));
  const depsFor = (caller: Caller): UsageDeps => depsOf(deps, heldReads, caller);
  const sendExport = createExports(depsFor);

  const options = { config: { roles: READERS } };

  const { windowSeconds } = deps.usage;
  api.get('/usage', { ...options, schema: getUsageSchema }, async (request, reply) => {
    const scope = request.user.tenants;
    const query = await parseUsageParameters(
      connectionsOf(deps.pool, scope),
      { scope, windowSeconds },
      request.query,
    );
    void reply.header('vary', 'accept');
    const type = preferredType(request.headers.accept, [JSON_TYPE, CSV_TYPE, NDJSON_TYPE]);
    if (type !== JSON_TYPE) return await sendExport(reply, { query, type, caller: request.user });
    const { limit = USAGE_LIMIT_DEFAULT } = query;
    const page = await readUsage(depsFor(request.user), { ...query, limit }).catch(toProblem);
    if (page.next !== null) {
      const parameters = { ...request.query, limit, after: page.next };
      void reply.header('link', nextLink(`${api.prefix}/usage`, parameters));
    }
    return reply.type(JSON_TYPE).send({
      data: [...page.rows],
      next: page.next,
      window_seconds: windowSeconds,
      ...freshnessToJson(page.freshness),
    });
  });

  api.get('/usage.csv', { ...options, schema: getUsageCsvSchema }, async (request, reply) => {
    const scope = request.user.tenants;
    const { spreadsheet, ...parameters } = request.query;
    const query = await parseUsageParameters(
      connectionsOf(deps.pool, scope),
      { scope, windowSeconds },
      parameters,
    );
    void reply.header('content-disposition', 'attachment; filename="usage.csv"');
    const encoder = csvEncoder(query, { spreadsheet: spreadsheet === 'true' });
    return await sendExport(reply, { query, type: CSV_TYPE, caller: request.user, encoder });
  });
}

function createExports(depsFor: (caller: Caller) => UsageDeps) {
  const limit = createTenantLimit(EXPORTS);
  return async (
    reply: FastifyReply<{ Reply: unknown }>,
    {
      query,
      type,
      caller,
      encoder = type === CSV_TYPE ? csvEncoder(query) : NDJSON_ENCODER,
    }: {
      readonly query: UsageQuery;
      readonly type: ExportType;
      readonly caller: Caller;
      readonly encoder?: RowEncoder | undefined;
    },
  ): Promise<FastifyReply> => {
    whenOver(reply, limit.enter(caller.tenants));
    letAnswerLast(reply, EXPORT_TIMEOUT_MS);
    const options = { encoder, signal: signalOfEnd(reply) };
    const { freshness, text } = await openUsageStream(depsFor(caller), query, options).catch(
      toProblem,
    );
    return reply.headers(freshnessHeaders(freshness)).type(`${type}; charset=utf-8`).send(text);
  };
}

function depsOf({ pool, usage }: UsageModuleDeps, heldReads: HeldReads, caller: Caller): UsageDeps {
  const { held, pulseAgeMaxMs, windowSeconds } = usage;
  const { tenants: scope } = caller;
  // The callers of one tenant share their turns, however many keys it has.
  const turn = scope === 'all' ? actorNameOf(caller) : shareOf(scope);
  return {
    pool: outOfTurn(pool),
    scope,
    pulseAgeMaxMs,
    windowSeconds,
    readSnapshot: (read) => readAsTenants(pool, scope, read),
    readHeld: (filter) =>
      filter === undefined ? readHeld(held, filter) : heldReads.read(turn, filter),
  };
}

/** The errors of a Redis that no longer has what Postgres needs to make an answer whole. */
const LOST_SUMS: ReadonlySet<string> = new Set(['PULSE_REDIS_EPOCH', 'PULSE_FLUSH_MISMATCH']);

function toProblem(error: unknown): never {
  if (error instanceof TooMuchHeldError) {
    throw invalidField(
      'live',
      `must be false, or the request must ask for less: more than ${HELD_ROWS_MAX} of its rows are not flushed yet`,
    );
  }
  if (error instanceof HeldReadsBusyError) {
    const { PULSE_API_BUSY, PULSE_API_TOO_MANY_REQUESTS } = HTTP_PROBLEMS;
    throw new ProblemError(error.ofCaller ? PULSE_API_TOO_MANY_REQUESTS : PULSE_API_BUSY, {
      detail:
        'Too many requests for usage are waiting. Ask one after the other, or with live=false.',
      headers: { 'retry-after': '5' },
    });
  }
  if (error instanceof PulseError && LOST_SUMS.has(error.code)) {
    throw new ProblemError(USAGE_PROBLEMS.PULSE_API_SUMS_LOST, {
      detail:
        'Redis has lost sums that were counted and not flushed. An operator must restore it, or accept the loss. ' +
        'With live=false the answer has what is flushed.',
      headers: { 'retry-after': '60' },
      cause: error,
    });
  }
  if (error instanceof AsOfFutureError) throw invalidField('as_of', 'must not be in the future');
  throw error;
}

function freshnessHeaders(freshness: Freshness): Record<string, string> {
  const { completeThroughMs, finalThroughMs, provisional, pending, journalled } = freshness;
  return {
    'pulse-complete-through': freshnessInstant(completeThroughMs),
    'pulse-final-through': freshnessInstant(finalThroughMs),
    'pulse-provisional': String(provisional),
    ...(pending === null ? {} : { 'pulse-pending': String(pending) }),
    ...(journalled === null ? {} : { 'pulse-journalled': String(journalled) }),
  };
}

/** GET /usage and GET /usage.csv: sums by window and group, as JSON, CSV or NDJSON. */
import type { FastifyReply } from 'fastify';
import type { Pool } from 'pg';
import type { TenantScope } from '../core/tenant-scope.ts';
import { readAsTenants } from '../platform/scoped-postgres.ts';
import { HELD_ROWS_MAX, TooMuchHeldError } from './read-held.ts';
import { AsOfFutureError, readUsage, type UsageDeps } from './read-usage.ts';
import { csvEncoder, NDJSON_ENCODER } from './row-encoders.ts';
import { openUsageStream } from './stream-usage.ts';
import type { Freshness, UsageQuery } from './usage.ts';
import { setAnswerDeadline, signalOfEnd, whenOver } from '../http/answer-deadline.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { READERS } from '../http/caller.ts';
import { preferredType } from '../http/media-type.ts';
import { nextLink } from '../http/page-links.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import { getUsageCsvSchema, getUsageSchema, USAGE_LIMIT_DEFAULT } from './usage-schema.ts';
import { parseUsageParameters } from './usage-parameters.ts';

/** What usage needs besides Postgres. */
export type UsageSources = Pick<UsageDeps, 'held' | 'pulseAgeMaxMs' | 'windowSeconds'>;

export interface UsageModuleDeps {
  readonly pool: Pool;
  readonly usage: UsageSources;
}

const JSON_TYPE = 'application/json';
const CSV_TYPE = 'text/csv';
const NDJSON_TYPE = 'application/x-ndjson';
type ExportType = typeof CSV_TYPE | typeof NDJSON_TYPE;

/** An export holds a Postgres connection for as long as its caller reads; other requests need some as well. */
const EXPORTS_MAX = 3;
/** How long an export may take. The socket's time-out ends a stalled one sooner. */
const EXPORT_TIMEOUT_MS = 3_600_000;

export function createUsageModule(deps: UsageModuleDeps): ApiModule {
  return {
    tag: { name: 'usage', description: 'Exact sums of everything counted, flushed or not.' },
    problems: {},
    addRoutes: (api) => {
      addRoutes(api, deps);
    },
  };
}

function addRoutes(api: Api, deps: UsageModuleDeps): void {
  const sendExport = createExports(deps);

  const options = { config: { roles: READERS } };

  api.get('/usage', { ...options, schema: getUsageSchema }, async (request, reply) => {
    const scope = request.user.tenants;
    const query = await parseUsageParameters(deps.pool, scope, request.query);
    void reply.header('vary', 'accept');
    const type = preferredType(request.headers.accept, [JSON_TYPE, CSV_TYPE, NDJSON_TYPE]);
    if (type !== JSON_TYPE) return await sendExport(reply, { query, type, scope });
    const { limit = USAGE_LIMIT_DEFAULT } = query;
    const page = await readUsage(depsOf(deps, scope), { ...query, limit }).catch(toProblem);
    if (page.next !== null) {
      const parameters = { ...request.query, limit, after: page.next };
      void reply.header('link', nextLink(`${api.prefix}/usage`, parameters));
    }
    return reply
      .type(JSON_TYPE)
      .send({ data: [...page.rows], next: page.next, ...freshnessToJson(page.freshness) });
  });

  api.get('/usage.csv', { ...options, schema: getUsageCsvSchema }, async (request, reply) => {
    const scope = request.user.tenants;
    const query = await parseUsageParameters(deps.pool, scope, request.query);
    void reply.header('content-disposition', 'attachment; filename="usage.csv"');
    return await sendExport(reply, { query, type: CSV_TYPE, scope });
  });
}

function createExports(deps: UsageModuleDeps) {
  let exportCount = 0;
  return async (
    reply: FastifyReply<{ Reply: unknown }>,
    { query, type, scope }: { query: UsageQuery; type: ExportType; scope: TenantScope },
  ): Promise<FastifyReply> => {
    if (exportCount >= EXPORTS_MAX) {
      throw new ProblemError(HTTP_PROBLEMS.PULSE_API_BUSY, {
        detail: `${EXPORTS_MAX} exports are in progress.`,
      });
    }
    exportCount += 1;
    whenOver(reply, () => {
      exportCount -= 1;
    });
    setAnswerDeadline(reply, EXPORT_TIMEOUT_MS);
    const encoder = type === CSV_TYPE ? csvEncoder(query) : NDJSON_ENCODER;
    const options = { encoder, signal: signalOfEnd(reply) };
    const { freshness, text } = await openUsageStream(depsOf(deps, scope), query, options).catch(
      toProblem,
    );
    return reply.headers(freshnessHeaders(freshness)).type(`${type}; charset=utf-8`).send(text);
  };
}

function depsOf({ pool, usage }: UsageModuleDeps, scope: TenantScope): UsageDeps {
  return { ...usage, pool, scope, readSnapshot: (read) => readAsTenants(pool, scope, read) };
}

/** SQLSTATE invalid_parameter_value: Node knows the time zone, Postgres does not. */
const UNKNOWN_TIME_ZONE = '22023';

function toProblem(error: unknown): never {
  if (error instanceof TooMuchHeldError) {
    throw invalidField(
      'live',
      `must be false, or the request must ask for less: more than ${HELD_ROWS_MAX} of its rows are not flushed yet`,
    );
  }
  if (error instanceof AsOfFutureError) throw invalidField('as_of', 'must not be in the future');
  if ((error as { code?: unknown }).code === UNKNOWN_TIME_ZONE) {
    throw invalidField('tz', 'is not known to the database');
  }
  throw error;
}

function freshnessToJson(freshness: Freshness) {
  return {
    complete_through: toText(freshness.completeThroughMs),
    final_through: toText(freshness.finalThroughMs),
    provisional: freshness.provisional,
    pending: freshness.pending,
  };
}

function freshnessHeaders(freshness: Freshness): Record<string, string> {
  const { completeThroughMs, finalThroughMs, provisional, pending } = freshness;
  return {
    'pulse-complete-through': toText(completeThroughMs),
    'pulse-final-through': toText(finalThroughMs),
    'pulse-provisional': String(provisional),
    ...(pending === null ? {} : { 'pulse-pending': String(pending) }),
  };
}

function toText(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** The quarantine over HTTP: list, show, fix, replay, discard. */
import { PAGE_LIMIT_DEFAULT } from '../http/page-schema.ts';
import { readAsTenants, workAsTenants, type ScopedPool } from '../platform/scoped-postgres.ts';
import { isCursor, toPage } from '../http/cursor.ts';
import {
  detailToJson,
  fromReadable,
  previewToJson,
  reportToJson,
  rowToJson,
} from './dead-letter-json.ts';
import { SHOWN_BYTES_MAX, type Actor, type DeadLetterDetail } from './quarantine.ts';
import {
  discardDeadLetters,
  findDeadLetter,
  fixDeadLetter,
  listDeadLetters,
} from './quarantine-query.ts';
import { previewMany, replayMany, type ManyFilters } from './replay-many.ts';
import { replayRefusal } from './replay-refusal.ts';
import { replayDeadLetter, type ReplayDeps } from './replay.ts';
import { describeDeadLettersQueue } from './quarantine-queue.ts';
import { namesInBody } from './names-in-body.ts';
import { signalOfEnd } from '../http/answer-deadline.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, OPERATORS, READERS, type Caller } from '../http/caller.ts';
import { spanFrom } from '../http/instants.ts';
import { nextLink } from '../http/page-links.ts';
import { invalidField } from '../http/problems.ts';
import { createTenantLimit } from '../http/tenant-limit.ts';
import {
  BULK_LIMIT_DEFAULT,
  discardDeadLetterSchema,
  discardManySchema,
  FIX_REQUEST_BYTES_MAX,
  fixDeadLetterSchema,
  getDeadLetterSchema,
  listDeadLettersSchema,
  RATE_DEFAULT,
  replayDeadLetterSchema,
  replayManySchema,
  type Filters,
} from './quarantine-schema.ts';
import { notFound, requireFixable, requireOwn, unfixed, wrongState } from './fixable.ts';
import { QUARANTINE_PROBLEMS } from './quarantine-problems.ts';

/** What replays need besides Postgres. */
export type DeadLetterReplay = Omit<ReplayDeps, 'pool'>;

export interface QuarantineModuleDeps {
  readonly pool: ScopedPool;
  readonly replay: DeadLetterReplay;
}

const BULK_REPLAYS = {
  what: 'bulk replays',
  perTenant: 1,
  total: 3,
  tenantProblem: QUARANTINE_PROBLEMS.PULSE_API_REPLAY_BUSY,
};
/** Few, so that all bulk replays together leave connections to Postgres for other requests. */
const BULK_IN_FLIGHT_MAX = 2;
/** How long a bulk replay may take at its rate, so that it can be answered in time. */
const BULK_SECONDS_MAX = 30;
/** It starts no replay after this time: its actual rate may be lower. */
const BULK_TIMEOUT_MS = 40_000;
/** The last replay may wait half a minute for a place, and as long for its confirm; the answer must say how it ended. */
const REPLAY_WITHIN_MS = 75_000;
const BULK_WITHIN_MS = BULK_TIMEOUT_MS + 70_000;

export function createQuarantineModule(deps: QuarantineModuleDeps): ApiModule {
  return {
    tag: { name: 'dead letters', description: 'The quarantine: pulses that could not be counted.' },
    problems: QUARANTINE_PROBLEMS,
    queues: describeDeadLettersQueue(deps.replay.queue),
    addRoutes(api) {
      addReads(api, deps);
      addFix(api, deps);
      addReplays(api, deps);
      addDiscards(api, deps);
    },
  };
}

function addReads(api: Api, { pool }: QuarantineModuleDeps): void {
  const config = { roles: READERS };

  api.get('/dead-letters', { schema: listDeadLettersSchema, config }, async (request, reply) => {
    const { tenants: scope } = request.user;
    const { limit = PAGE_LIMIT_DEFAULT, after, state, ...texts } = request.query;
    const filters = { ...filtersFrom(texts), scope, state, after: cursorFrom(after) };
    const rows = await readAsTenants(pool, scope, (client) =>
      listDeadLetters(client, { ...filters, limit: limit + 1 }),
    );
    const { data, next } = toPage(rows, limit);
    if (next !== null) {
      const parameters = { ...texts, state, limit, after: next };
      void reply.header('link', nextLink(`${api.prefix}/dead-letters`, parameters));
    }
    return { data: data.map(rowToJson), next };
  });

  const conditional = {
    schema: getDeadLetterSchema,
    config: { ...config, conditional: true },
  } as const;
  api.get('/dead-letters/:id', conditional, async (request) =>
    detailToJson(await findOrThrow(pool, request, request.params.id)),
  );
}

function addFix(api: Api, { pool }: QuarantineModuleDeps): void {
  const options = {
    schema: fixDeadLetterSchema,
    bodyLimit: FIX_REQUEST_BYTES_MAX,
    config: { roles: OPERATORS },
    onRequest: requireFixable(pool),
  };
  api.put('/dead-letters/:id/body', options, async (request) => {
    const { id } = request.params;
    const { content, encoding = 'utf8', note = null } = request.body;
    const body = fromReadable({ encoding, content });
    if (body === undefined) throw invalidField('content', `must be ${encoding}`);
    if (body.length > SHOWN_BYTES_MAX) throw invalidField('content', 'must have at most 8 MiB');
    const names = namesInBody(body);
    const { tenants } = request.user;
    if (tenants !== 'all') requireOwn(names, tenants, await findOrThrow(pool, request, id));
    const fix = { body, ...names, note, actor: actorOf(request) };
    const isFixed = await workAsTenants(pool, tenants, (client) => fixDeadLetter(client, id, fix));
    return answerChanged(pool, request, { id, isChanged: isFixed, why: unfixed });
  });
}

function addReplays(api: Api, { pool, replay }: QuarantineModuleDeps): void {
  const deps: ReplayDeps = { pool, ...replay };
  const config = { roles: OPERATORS };
  const limit = createTenantLimit(BULK_REPLAYS);

  api.post(
    '/dead-letters/:id/replay',
    { schema: replayDeadLetterSchema, config: { ...config, answerWithinMs: REPLAY_WITHIN_MS } },
    async (request) => {
      const { id } = request.params;
      const outcome = await replayDeadLetter(deps, id, {
        actor: actorOf(request),
        evenIfForgotten: request.body?.even_if_forgotten === true,
      });
      const deadLetter = await findOrThrow(pool, request, id);
      if (outcome === 'replayed' || outcome === 'overtaken') {
        return { outcome, dead_letter: rowToJson(deadLetter) };
      }
      throw replayRefusal(outcome, deadLetter, replay);
    },
  );

  const bulkConfig = { ...config, answerWithinMs: BULK_WITHIN_MS };
  api.post(
    '/dead-letters/replay',
    { schema: replayManySchema, config: bulkConfig },
    async (request, reply) => {
      const { limit: countMax = BULK_LIMIT_DEFAULT, rate_per_second: rate = RATE_DEFAULT } =
        request.body;
      const filters = { ...bulkFiltersFrom(request.body), scope: request.user.tenants };
      const after = cursorFrom(request.body.after);
      if (countMax / rate > BULK_SECONDS_MAX) {
        throw invalidField('limit', `must be at most ${BULK_SECONDS_MAX * rate} at this rate`);
      }
      const preview = previewToJson(await previewMany(deps, filters));
      if (request.body.dry_run === true) {
        request.changesNothing = true;
        return { ...preview, ...NOTHING_REPLAYED, dry_run: true };
      }
      const leave = limit.enter(request.user.tenants);
      try {
        const report = await replayMany(deps, {
          actor: actorOf(request),
          filters,
          after,
          limit: countMax,
          ratePerSecond: rate,
          evenIfForgotten: request.body.even_if_forgotten === true,
          inFlightMax: BULK_IN_FLIGHT_MAX,
          timeoutMs: BULK_TIMEOUT_MS,
          signal: signalOfEnd(reply),
        });
        if (report.error !== undefined && report.replayed === 0) throw report.error;
        return { ...preview, ...reportToJson(report), dry_run: false };
      } finally {
        leave();
      }
    },
  );
}

const NOTHING_REPLAYED = {
  replayed: 0,
  overtaken: 0,
  forgotten: 0,
  full: 0,
  unroutable: 0,
  missing: 0,
  end: 'finished',
  next: null,
  error: null,
} as const;

function addDiscards(api: Api, { pool }: QuarantineModuleDeps): void {
  const config = { roles: OPERATORS };

  api.post(
    '/dead-letters/:id/discard',
    { schema: discardDeadLetterSchema, config },
    async (request) => {
      const { id } = request.params;
      const options = { limit: 1, note: request.body.note, actor: actorOf(request) };
      const count = await workAsTenants(pool, request.user.tenants, (client) =>
        discardDeadLetters(client, { ids: [id] }, options),
      );
      return answerChanged(pool, request, { id, isChanged: count === 1 });
    },
  );

  api.post('/dead-letters/discard', { schema: discardManySchema, config }, async (request) => {
    const { limit = BULK_LIMIT_DEFAULT, note, dry_run = false } = request.body;
    const filters = { ...bulkFiltersFrom(request.body), scope: request.user.tenants };
    const preview = previewToJson(await previewMany({ pool }, filters));
    if (dry_run) {
      request.changesNothing = true;
      return { ...preview, dry_run, discarded: 0 };
    }
    const options = { limit, note, actor: actorOf(request) };
    const discarded = await workAsTenants(pool, request.user.tenants, (client) =>
      discardDeadLetters(client, filters, options),
    );
    return { ...preview, dry_run, discarded };
  });
}

interface CallerRequest {
  readonly user: Caller;
}

async function findOrThrow(
  pool: ScopedPool,
  { user }: CallerRequest,
  id: string,
): Promise<DeadLetterDetail> {
  const { tenants } = user;
  const found = await readAsTenants(pool, tenants, (client) => findDeadLetter(client, id, tenants));
  if (found !== undefined) return found;
  throw notFound();
}

/** The row as it is now; 409 when it was not changed. */
async function answerChanged(
  pool: ScopedPool,
  request: CallerRequest,
  { id, isChanged, why = wrongState }: { id: string; isChanged: boolean; why?: typeof unfixed },
) {
  const deadLetter = await findOrThrow(pool, request, id);
  if (isChanged) return rowToJson(deadLetter);
  throw why(deadLetter.state);
}

function actorOf({ user }: CallerRequest): Actor {
  return { name: actorNameOf(user), via: 'api', scope: user.tenants };
}

function cursorFrom(text: string | undefined): string | undefined {
  if (text === undefined || isCursor(text)) return text;
  throw invalidField('after', 'must be `next` of a page');
}

/** Requires a filter: without one, a mistake would change the whole quarantine. */
function bulkFiltersFrom(filters: Filters): ManyFilters {
  const { reason, tenant, pulse_id, message_id, queue, from, to } = filters;
  const given = [reason, tenant, pulse_id, message_id, queue, from, to];
  if (given.every((filter) => filter === undefined)) {
    throw invalidField(
      'body',
      'must have at least one of reason, tenant, pulse_id, message_id, queue, from, to',
    );
  }
  return filtersFrom(filters);
}

type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined };

function filtersFrom(filters: Loose<Filters>): ManyFilters {
  const { reason, tenant, pulse_id: pulseId, message_id: messageId, queue, from, to } = filters;
  return { reason, tenant, pulseId, messageId, queue, ...spanFrom({ from, to }) };
}

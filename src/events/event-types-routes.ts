/** Event types over HTTP. They belong to no tenant. */
import type { Api } from '../http/api-module.ts';
import { actorNameOf, OPERATORS, READERS } from '../http/caller.ts';
import { toKeyPage } from '../http/key-page.ts';
import { nextLink } from '../http/page-links.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { setPutOutcome } from '../http/change-outcome.ts';
import { readAsTenants, type ScopedPool, workAsOwner } from '../platform/scoped-postgres.ts';
import { changeEventType, refuseWanted } from './change-event-type.ts';
import {
  getEventTypeSchema,
  LIST_LIMIT_DEFAULT,
  listEventTypesSchema,
  listVersionsSchema,
  putEventTypeSchema,
} from './event-types-schema.ts';
import { listEventTypes, listVersions, readEventType, type EventType } from './events-query.ts';

/** A schema of 64 KiB as somebody may have laid it out. */
const BODY_BYTES_MAX = 256 * 1024;

export function addEventTypes(api: Api, pool: ScopedPool): void {
  addChange(api, pool);
  addReads(api, pool);
}

function addChange(api: Api, pool: ScopedPool): void {
  const options = {
    schema: putEventTypeSchema,
    config: { roles: OPERATORS, allTenants: true },
    bodyLimit: BODY_BYTES_MAX,
  } as const;
  api.put('/event-types/:name', options, async (request, reply) => {
    const { params, query, body, user } = request;
    const { schema, description = null } = body;
    const wanted = { name: params.name, schema, description, createdBy: actorNameOf(user) };
    refuseWanted(wanted);
    const { type, outcome } = await workAsOwner(pool, user.tenants, (client) =>
      changeEventType(client, { ...wanted, force: query.force === 'true' }),
    );
    setPutOutcome(request, reply, outcome);
    return toJson(type);
  });
}

const READ = { roles: READERS } as const;

function addReads(api: Api, pool: ScopedPool): void {
  const one = { schema: getEventTypeSchema, config: { ...READ, conditional: true } } as const;
  api.get('/event-types/:name', one, async ({ params, query, user }) => {
    const found = await readAsTenants(pool, user.tenants, (client) =>
      readEventType(client, params.name, query.version),
    );
    return toJson(found ?? notFound());
  });

  api.get(
    '/event-types',
    { schema: listEventTypesSchema, config: READ },
    async (request, reply) => {
      const { limit = LIST_LIMIT_DEFAULT, after } = request.query;
      const rows = await readAsTenants(pool, request.user.tenants, (client) =>
        listEventTypes(client, { limit: limit + 1, after }),
      );
      const path = `${api.prefix}/event-types`;
      const { data, next } = toKeyPage(reply, rows, { limit, path, key: ({ name }) => name });
      return { data: data.map(toJson), next };
    },
  );

  const versions = { schema: listVersionsSchema, config: READ };
  api.get('/event-types/:name/versions', versions, async (request, reply) => {
    const { name } = request.params;
    const { limit = LIST_LIMIT_DEFAULT, after: before } = request.query;
    const rows = await readAsTenants(pool, request.user.tenants, async (client) => {
      if ((await readEventType(client, name)) === undefined) notFound();
      return await listVersions(client, name, { limit: limit + 1, before });
    });
    const data = rows.slice(0, limit);
    const next = rows.length > limit ? (data.at(-1)?.version ?? null) : null;
    if (next !== null) {
      const path = `${api.prefix}/event-types/${encodeURIComponent(name)}/versions`;
      void reply.header('link', nextLink(path, { limit, after: next }));
    }
    return { data: data.map(toJson), next };
  });
}

function notFound(): never {
  throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
    detail: 'There is no such event type, or no such version of it.',
  });
}

function toJson({ isBreaking, createdBy, createdAt, ...type }: EventType) {
  const { name, version, schema, description } = type;
  return {
    ...{ name, version, schema, description },
    is_breaking: isBreaking,
    created_by: createdBy,
    created_at: createdAt.toISOString(),
  };
}

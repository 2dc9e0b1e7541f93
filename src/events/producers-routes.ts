/** Producers over HTTP. They belong to no tenant. */
import type { Api } from '../http/api-module.ts';
import { OPERATORS, READERS } from '../http/caller.ts';
import { toKeyPage } from '../http/key-page.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { setPutOutcome } from '../http/change-outcome.ts';
import { readAsTenants, type ScopedPool, workAsOwner } from '../platform/scoped-postgres.ts';
import { PULSE_PRODUCER } from './events.ts';
import { EVENT_PROBLEMS } from './events-problems.ts';
import { listProducers, putProducer, readProducer, type Producer } from './events-query.ts';
import {
  getProducerSchema,
  LIST_LIMIT_DEFAULT,
  listProducersSchema,
  putProducerSchema,
} from './producers-schema.ts';

export function addProducers(api: Api, pool: ScopedPool): void {
  const put = {
    schema: putProducerSchema,
    config: { roles: OPERATORS, allTenants: true },
  } as const;
  api.put('/producers/:id', put, async (request, reply) => {
    const { id } = request.params;
    if (id === PULSE_PRODUCER) {
      const detail = `The producer "${PULSE_PRODUCER}" is Pulse itself.`;
      throw new ProblemError(EVENT_PROBLEMS.PULSE_API_NAME_RESERVED, { detail });
    }
    const wanted = { id, name: request.body.name ?? null };
    const { producer, outcome } = await workAsOwner(pool, request.user.tenants, (client) =>
      putProducer(client, wanted),
    );
    setPutOutcome(request, reply, outcome);
    return toJson(producer);
  });

  const one = { schema: getProducerSchema, config: { roles: READERS, conditional: true } } as const;
  api.get('/producers/:id', one, async ({ params, user }) => {
    const found = await readAsTenants(pool, user.tenants, (client) =>
      readProducer(client, params.id),
    );
    if (found !== undefined) return toJson(found);
    const detail = 'There is no producer with this id.';
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, { detail });
  });

  const list = { schema: listProducersSchema, config: { roles: READERS } };
  api.get('/producers', list, async (request, reply) => {
    const { limit = LIST_LIMIT_DEFAULT, after } = request.query;
    const rows = await readAsTenants(pool, request.user.tenants, (client) =>
      listProducers(client, { limit: limit + 1, after }),
    );
    const path = `${api.prefix}/producers`;
    const { data, next } = toKeyPage(reply, rows, { limit, path, key: ({ id }) => id });
    return { data: data.map(toJson), next };
  });
}

function toJson({ id, name, createdAt, updatedAt }: Producer) {
  return { id, name, created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() };
}

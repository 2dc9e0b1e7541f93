/** Messages over HTTP, for callers of their clients' tenants. */
import type { Api } from '../http/api-module.ts';
import { READERS } from '../http/caller.ts';
import { spanFrom } from '../http/instants.ts';
import { objectText, pageText, writeWith } from '../http/exact-answers.ts';
import { nextLink } from '../http/page-links.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import { readAsTenants, type ScopedPool } from '../platform/scoped-postgres.ts';
import { cursorOf, parseCursor, toMessageJson } from './message-json.ts';
import { readByNumber, readNewest, type ScopedFilters } from './message-pages-query.ts';
import { readMessage } from './messages-query.ts';
import { getMessageSchema, LIST_LIMIT_DEFAULT, listMessagesSchema } from './messages-schema.ts';

const READ = { roles: READERS } as const;
/** The number of a message, or 0. */
const NUMBER = /^\d{1,18}$/;

export function addMessages(api: Api, pool: ScopedPool): void {
  const list = {
    schema: listMessagesSchema,
    config: READ,
    serializerCompiler: writeWith(pageText),
  };
  api.get('/messages', list, async (request, reply) => {
    const { limit = LIST_LIMIT_DEFAULT, after, from, to, ...names } = request.query;
    const { fromMs, toMs } = spanFrom({ from, to });
    const filters: ScopedFilters = {
      ...names,
      scope: request.user.tenants,
      from: fromMs === undefined ? undefined : new Date(fromMs),
      to: toMs === undefined ? undefined : new Date(toMs),
    };
    const { messages, next, isLast } = await readPage(pool, filters, { limit, after });
    if (!isLast && next !== null) {
      const parameters = { ...request.query, limit, after: next };
      void reply.header('link', nextLink(`${api.prefix}/messages`, parameters));
    }
    return { data: messages.map(toMessageJson), next };
  });

  const one = {
    schema: getMessageSchema,
    config: { ...READ, conditional: true },
    serializerCompiler: writeWith(objectText),
  } as const;
  api.get('/messages/:producer/:id', one, async ({ params, user }) => {
    const message = await readAsTenants(pool, user.tenants, (client) =>
      readMessage(client, params),
    );
    if (message !== undefined) return toMessageJson(message);
    const detail = 'There is no message of this producer with this id.';
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, { detail });
  });
}

interface Paging {
  readonly limit: number;
  readonly after: string | undefined;
}

/** A number as `after` pulls; anything else is a cursor of the list. */
async function readPage(pool: ScopedPool, filters: ScopedFilters, { limit, after }: Paging) {
  const { scope, client: owner } = filters;
  if (after !== undefined && NUMBER.test(after)) {
    if (owner === undefined) throw invalidField('client', 'is required to pull by number');
    const page = await readAsTenants(pool, scope, (client) =>
      readByNumber(client, { ...filters, client: owner }, { limit, after }),
    );
    return { ...page, next: page.messages.at(-1)?.number ?? after };
  }
  const cursor = after === undefined ? undefined : parseCursor(after);
  if (after !== undefined && cursor === undefined) {
    throw invalidField('after', 'must be `next` of an earlier answer or, with `client`, a number');
  }
  const page = await readAsTenants(pool, scope, (client) =>
    readNewest(client, filters, { limit, after: cursor }),
  );
  const last = page.messages.at(-1);
  return { ...page, next: page.isLast || last === undefined ? null : cursorOf(last) };
}

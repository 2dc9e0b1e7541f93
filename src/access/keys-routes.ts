/** Keys over HTTP, for administrators. */
import type { Pool } from 'pg';
import type { Api } from '../http/api-module.ts';
import { ADMINS } from '../http/caller.ts';
import { checkedCursor, toPage } from '../http/cursor.ts';
import { nextLink } from '../http/page-links.ts';
import { PAGE_LIMIT_DEFAULT } from '../http/page-schema.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { toKeyJson } from './access-json.ts';
import { DAY_SECONDS, KEY_LIFE_DAYS, toScope } from './access-rules.ts';
import { insertKey, listKeys, revokeKey } from './api-keys.ts';
import { sourceOf } from './audit.ts';
import { refuseLimitedAdmin } from './change-user.ts';
import { createKeyText } from './key-text.ts';
import { createKeySchema, listKeysSchema, revokeKeySchema } from './keys-schema.ts';
import { RIGHTS_BYTES_MAX } from './schema-terms.ts';

const KEY_ID = /^[0-9a-f]{16}$/;
/** The audit log gets its entry with the change. */
const WRITE = { roles: ADMINS, unaudited: true } as const;

export function addKeysRoutes(api: Api, pool: Pick<Pool, 'connect'>): void {
  const list = { schema: listKeysSchema, config: { roles: ADMINS } };
  api.get('/keys', list, async (request, reply) => {
    const { limit = PAGE_LIMIT_DEFAULT, after } = request.query;
    const rows = await listKeys(pool, {
      limit: limit + 1,
      after: checkedCursor(after, KEY_ID) ?? null,
    });
    const { data, next } = toPage(rows, limit);
    if (next !== null) {
      void reply.header('link', nextLink(`${api.prefix}/keys`, { limit, after: next }));
    }
    return { data: data.map(toKeyJson), next };
  });

  const create = {
    schema: createKeySchema,
    config: { ...WRITE, answersSecret: true },
    bodyLimit: RIGHTS_BYTES_MAX,
  } as const;
  api.post('/keys', create, async (request, reply) => {
    const { name, role, tenants, expires_in_days: days = KEY_LIFE_DAYS.default } = request.body;
    const scope = toScope(tenants);
    refuseLimitedAdmin(role, scope);
    const { text, credentials } = createKeyText();
    const lifeSeconds = days * DAY_SECONDS;
    const asked = { name, role, scope, lifeSeconds, source: sourceOf(request) };
    const key = await insertKey(pool, credentials, asked);
    void reply.code(201);
    return { ...toKeyJson(key), key: text };
  });

  const revoke = { schema: revokeKeySchema, config: WRITE };
  api.delete('/keys/:id', revoke, async (request, reply) => {
    if ((await revokeKey(pool, request.params.id, sourceOf(request))) === 'missing') {
      throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
        detail: 'There is no key with this id.',
      });
    }
    return reply.code(204).send(null);
  });
}

/** The audit log over HTTP, for administrators. */
import type { Pool } from 'pg';
import type { Api } from '../http/api-module.ts';
import { ADMINS } from '../http/caller.ts';
import { checkedCursor, toPage } from '../http/cursor.ts';
import { spanFrom } from '../http/instants.ts';
import { nextLink } from '../http/page-links.ts';
import { PAGE_LIMIT_DEFAULT } from '../http/page-schema.ts';
import { listAudit, type AuditRow } from './audit-query.ts';
import { listAuditSchema } from './audit-schema.ts';

const ENTRY_ID = /^\d{1,18}$/;

export function addAuditRoutes(api: Api, pool: Pick<Pool, 'connect'>): void {
  const options = { schema: listAuditSchema, config: { roles: ADMINS } };
  api.get('/audit', options, async ({ query }, reply) => {
    const { limit = PAGE_LIMIT_DEFAULT, actor, action, subject } = query;
    const filters = { actor, action, subject, ...spanFrom(query) };
    const after = checkedCursor(query.after, ENTRY_ID);
    const rows = await listAudit(pool, filters, { limit: limit + 1, after });
    const { data, next } = toPage(rows, limit);
    if (next !== null) {
      const parameters = { ...query, limit, after: next };
      void reply.header('link', nextLink(`${api.prefix}/audit`, parameters));
    }
    return { data: data.map(toJson), next };
  });
}

function toJson({ id, at, action, actor, via, address, requestId, subject, details }: AuditRow) {
  return {
    ...{ id, at: at.toISOString(), action, actor, via, address },
    ...{ request_id: requestId, subject, details },
  };
}

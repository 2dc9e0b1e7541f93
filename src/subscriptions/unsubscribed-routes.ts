/** GET /unsubscribed-usage: what admission has seen. */
import type { Api } from '../http/api-module.ts';
import { READERS } from '../http/caller.ts';
import { nextLink } from '../http/page-links.ts';
import { PAGE_LIMIT_DEFAULT } from '../http/page-schema.ts';
import { invalidField } from '../http/problems.ts';
import { readAsTenants, type ScopedPool } from '../platform/scoped-postgres.ts';
import { listUnsubscribed, type UnsubscribedRow } from './admission-query.ts';
import { listUnsubscribedSchema } from './unsubscribed-schema.ts';

export function addUnsubscribedUsage(api: Api, pool: ScopedPool): void {
  const options = { schema: listUnsubscribedSchema, config: { roles: READERS } };
  api.get('/unsubscribed-usage', options, async (request, reply) => {
    const { limit = PAGE_LIMIT_DEFAULT, after: cursor } = request.query;
    const after = cursor === undefined ? undefined : fromCursor(cursor);
    const { tenants: scope } = request.user;
    const rows = await readAsTenants(pool, scope, (client) =>
      listUnsubscribed(client, { scope, limit: limit + 1, after }),
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next = rows.length > limit && last !== undefined ? toCursor(last) : null;
    if (next !== null) {
      void reply.header(
        'link',
        nextLink(`${api.prefix}/unsubscribed-usage`, { limit, after: next }),
      );
    }
    return { data: page.map(toJson), next };
  });
}

function toCursor({ tenant, sku }: UnsubscribedRow): string {
  return Buffer.from(JSON.stringify([tenant, sku])).toString('base64url');
}

function fromCursor(cursor: string): Pick<UnsubscribedRow, 'tenant' | 'sku'> {
  let pair: unknown;
  try {
    pair = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    pair = undefined;
  }
  const [tenant, sku] = Array.isArray(pair) ? (pair as unknown[]) : [];
  const isPair = isKey(tenant) && isKey(sku);
  if (!isPair) throw invalidField('after', 'must be `next` of an earlier answer');
  return { tenant, sku };
}

/** Postgres takes no NUL. */
function isKey(text: unknown): text is string {
  return typeof text === 'string' && !text.includes('\0');
}

function toJson({ tenant, sku, pulseCount, firstSeenAt, lastSeenAt }: UnsubscribedRow) {
  return {
    tenant,
    product_sku: sku,
    pulse_count: pulseCount,
    first_seen_at: firstSeenAt.toISOString(),
    last_seen_at: lastSeenAt.toISOString(),
  };
}

/** Pages of messages of bounded size: for callers of the API, of their tenants only, and for filters of endpoints. */
import type { ClientBase } from 'pg';
import { pageOfCustomers } from '../catalog/catalog.ts';
import { tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import type { Message } from './events.ts';
import { dataWithin, MESSAGE_HEAD } from './messages-query.ts';
import type { MessageCursor, MessageFilters } from './messages-query.ts';

type Queryable = Pick<ClientBase, 'query'>;

export interface ScopedFilters extends MessageFilters {
  readonly scope: TenantScope;
}

/** The data of one page; its first message may be longer. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024;

/** A message of a page; null where the data would make the page too long. */
type PageRow = Omit<Message, 'data'> & { readonly data: string | null };

/** A page of messages; `isLast` if no further one matches. */
export interface MessagePage {
  readonly messages: readonly Message[];
  readonly isLast: boolean;
}

/** The messages of one client by number. @param page `after`: only greater numbers. `bytesMax`: of the data. */
export async function readByNumber(
  client: Queryable,
  filters: ScopedFilters & { readonly client: string },
  page: { readonly limit: number; readonly after: string; readonly bytesMax?: number },
): Promise<MessagePage> {
  const { limit, after, bytesMax = PAGE_BYTES_MAX } = page;
  const { rows } = await client.query<PageRow>(
    `SELECT ${MESSAGE_HEAD}, ${dataWithin('number', bytesMax)} FROM (
       SELECT * FROM messages WHERE client = $1 AND ${VISIBLE} AND number > $7 AND ${MATCHES} ORDER BY number LIMIT $8
     ) page ORDER BY number`,
    [...matchValues(filters), after, limit + 1],
  );
  return toPage(rows, limit);
}

/** Newest first. @param page `after` is the last message of the page before. */
export async function readNewest(
  client: Queryable,
  filters: ScopedFilters,
  { limit, after }: { readonly limit: number; readonly after?: MessageCursor | undefined },
): Promise<MessagePage> {
  const { scope } = filters;
  const order = 'stored_at DESC, producer DESC, id DESC';
  const pageOf = (which: string) => `
    SELECT * FROM messages
    WHERE ${which} AND ${MATCHES} AND ($7::timestamptz IS NULL OR (stored_at, producer, id) < ($7, $8, $9))
    ORDER BY ${order} LIMIT $10`;
  const page =
    scope === 'all'
      ? pageOf(`$2::text[] IS NULL AND ($1::text IS NULL OR client = $1)`)
      : pageOfCustomers({
          ...{ column: 'client', count: scope.length, order, limit: '$10', pageOf },
          which: `tenant = ANY($2) AND ($1::text IS NULL OR customers.id = $1)`,
        });
  const { rows } = await client.query<PageRow>(
    `SELECT ${MESSAGE_HEAD}, ${dataWithin(order, PAGE_BYTES_MAX)} FROM (${page}) page ORDER BY ${order}`,
    [
      ...matchValues(filters),
      after?.storedAt ?? null,
      after?.producer ?? null,
      after?.id ?? null,
      limit + 1,
    ],
  );
  return toPage(rows, limit);
}

/** `$2`. */
const VISIBLE = `
  ($2::text[] IS NULL OR client = ANY(ARRAY(SELECT customers.id FROM customers WHERE tenant = ANY($2))))`;

/** `$3` to `$6`. */
const MATCHES = `
  ($3::text IS NULL OR producer = $3) AND ($4::text IS NULL OR type = $4)
  AND ($5::timestamptz IS NULL OR stored_at >= $5) AND ($6::timestamptz IS NULL OR stored_at < $6)`;

/** `$1` to `$6`. */
function matchValues({ scope, client, producer, type, from, to }: ScopedFilters): unknown[] {
  const tenants = tenantsOf(scope) ?? null;
  return [client ?? null, tenants, producer ?? null, type ?? null, from ?? null, to ?? null];
}

function toPage(rows: readonly PageRow[], limit: number): MessagePage {
  const messages: Message[] = [];
  for (const { data, ...head } of rows.slice(0, limit)) {
    if (data === null) break;
    messages.push({ ...head, data });
  }
  return { messages, isLast: messages.length === rows.length };
}

/** Pages of a list that is ordered by a key which callers see. */
import type { FastifyReply } from 'fastify';
import { nextLink } from './page-links.ts';

export interface KeyPaging<Row> {
  readonly limit: number;
  /** Of the list. */
  readonly path: string;
  readonly filters?: Readonly<Record<string, string | undefined>>;
  readonly key: (row: Row) => string;
}

/** Links to the next page. @param rows Up to `limit + 1`: the extra one shows that there is a next page. */
export function toKeyPage<Row>(
  reply: Pick<FastifyReply, 'header'>,
  rows: readonly Row[],
  { limit, path, filters = {}, key }: KeyPaging<Row>,
) {
  const data = rows.slice(0, limit);
  const last = rows.length > limit ? data.at(-1) : undefined;
  const next = last === undefined ? null : key(last);
  if (next !== null) {
    void reply.header('link', nextLink(path, { ...filters, limit, after: next }));
  }
  return { data, next };
}

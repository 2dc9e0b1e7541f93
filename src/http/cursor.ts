/** A place in a list that is ordered by time: microseconds since 1970, a dot, the id of the row. */
import { invalidField } from './problems.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const CURSOR = /^\d{1,16}\.(.+)$/s;

/**
 * Whether a text has the form of a cursor. A made-up one names a place in the list as well.
 *
 * @param id The form of the ids. Default: UUIDs.
 */
export function isCursor(text: string, id = UUID): boolean {
  return id.test(CURSOR.exec(text)?.[1] ?? '');
}

/** @param after Undefined on the first page. @throws ProblemError 400 It is not a cursor. */
export function checkedCursor(after: string | undefined, id = UUID): string | undefined {
  if (after === undefined || isCursor(after, id)) return after;
  throw invalidField('after', 'must be `next` of an earlier answer');
}

/** @param rows Up to `limit + 1` rows: the extra one shows that there is a next page. */
export function toPage<Row extends { readonly cursor: string }>(
  rows: readonly Row[],
  limit: number,
): { readonly data: Row[]; readonly next: string | null } {
  const data = rows.slice(0, limit);
  return { data, next: rows.length > limit ? (data.at(-1)?.cursor ?? null) : null };
}

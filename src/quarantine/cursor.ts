/** A place in a list of dead letters: microseconds since 1970 of the receipt, a dot, the id. */

const CURSOR = /^\d{1,16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a text from outside is a cursor. One that no list has given leads to a place all the same. */
export function isCursor(text: string): boolean {
  return CURSOR.test(text);
}

/** One page of at most `limit`. @param rows What a list of `limit + 1` has found: one more tells of a next page. */
export function toPage<Row extends { readonly cursor: string }>(
  rows: readonly Row[],
  limit: number,
): { readonly data: Row[]; readonly next: string | null } {
  const data = rows.slice(0, limit);
  return { data, next: rows.length > limit ? (data.at(-1)?.cursor ?? null) : null };
}

/** Follows the cursor of a list. */

/** Yields the rows of all pages, each page when its first row is asked for. */
export async function* follow<Row, Query extends { readonly after?: string }>(
  page: (query: Query) => Promise<{ readonly data: readonly Row[]; readonly next: string | null }>,
  query: Query = {} as Query,
): AsyncGenerator<Row, void, undefined> {
  let current = query;
  for (;;) {
    const { data, next } = await page(current);
    yield* data;
    if (next === null) return;
    current = { ...current, after: next };
  }
}

/** All rows at once, for lists that are short. */
export async function collect<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

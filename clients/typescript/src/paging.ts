/** Follows the cursor of a list. */
import { PulseApiError } from './transport.ts';

/** Yields the rows of all pages, each page when its first row is asked for. */
export async function* follow<Row, Query extends { readonly after?: string }>(
  page: (query: Query) => Promise<{ readonly data: readonly Row[]; readonly next: string | null }>,
  query: Query = {} as Query,
): AsyncGenerator<Row, void, undefined> {
  let current = query;
  for (;;) {
    const answer = await page(current);
    const next = nextOf(answer);
    yield* answer.data;
    if (next === null) return;
    current = { ...current, after: next };
  }
}

/** @throws PulseApiError The answer is no page. Without a cursor, the page after it would be the first one again. */
export function nextOf({ next }: { readonly next?: unknown }): string | null {
  if (next === null || typeof next === 'string') return next;
  throw new PulseApiError(200, undefined, undefined);
}

/** All rows at once, for lists that are short. */
export async function collect<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

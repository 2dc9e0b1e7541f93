/** Reads a list of the API from page to page, up to a number of pages. */

interface ApiPage<Row> {
  readonly data: readonly Row[];
  readonly next: string | null;
}

/** @param read Asks for the page that begins after a cursor. */
export async function readPages<Row>(
  read: (query: { readonly after?: string }) => Promise<ApiPage<Row>>,
  pagesMax: number,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let after: string | null | undefined;
  for (let page = 0; page < pagesMax && after !== null; page += 1) {
    const found = await read(after === undefined ? {} : { after });
    rows.push(...found.data);
    after = found.next;
  }
  return rows;
}

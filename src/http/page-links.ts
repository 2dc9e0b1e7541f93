/** The `Link` header of a paged answer (RFC 8288). */

/** The position of one page among all. */
export interface PagePosition {
  readonly page: number;
  readonly limit: number;
  readonly total: number;
}

/**
 * Links to the first, previous, next and last page, if they exist, with the same filters.
 *
 * Targets are absolute paths, not URLs: behind a proxy only the client knows the host. The previous page of one
 * beyond the end is the last page.
 */
export function pageLinks(
  path: string,
  filters: Readonly<Record<string, string>>,
  { page, limit, total }: PagePosition,
): string {
  const last = Math.max(1, Math.ceil(total / limit));
  const links: [string, number][] = [['first', 1]];
  if (page > 1) links.push(['prev', Math.min(page - 1, last)]);
  if (page < last) links.push(['next', page + 1]);
  links.push(['last', last]);
  return links
    .map(([relation, number]) => {
      const query = new URLSearchParams({
        page: String(number),
        limit: String(limit),
        ...filters,
      });
      return `<${path}?${query.toString()}>; rel="${relation}"`;
    })
    .join(', ');
}

/** A query string's parameters; a list is repeated, and an undefined one is left out. */
type SearchParameters = Readonly<
  Record<string, string | number | readonly (string | number)[] | undefined>
>;

/** Links to the next page of a list that is read by cursors: the same request with another `after`. */
export function nextLink(path: string, parameters: SearchParameters): string {
  const search = new URLSearchParams();
  for (const [name, value = []] of Object.entries(parameters)) {
    for (const one of [value].flat()) search.append(name, String(one));
  }
  return `<${path}?${search.toString()}>; rel="next"`;
}

/** Where a text may lead: what it is the id or the name of. */

export interface Thing {
  readonly label: string;
  /** Inside the console. */
  readonly path: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function thingsFor(text: string): readonly Thing[] {
  const id = encodeURIComponent(text);
  const byName = [{ label: `Usage of tenant ${text}`, path: `/usage?tenant=${id}` }];
  if (!UUID.test(text)) return byName;
  return [...byName];
}

/** Pages of rows of some tenants, without a walk through the rows of others. */

/** A page is read from the index of each. */
const FEW_TENANTS = 20;

interface Page {
  /** Of the columns that `pageOf` selects. */
  readonly order: string;
  readonly limit: string;
  /**
   * SQL: the first `limit` rows for which a condition on the column `tenant` holds, ordered by what the table has an
   * index for that begins with `tenant`.
   *
   * @param first The beginning of their order; may be empty.
   */
  readonly pageOf: (condition: string, first: `tenant ${'ASC' | 'DESC'},` | '') => string;
  readonly direction: 'ASC' | 'DESC';
}

/**
 * SQL: the first rows of the tenants, which are in `$1`. Rows of few tenants are read from the index of each: in the
 * index of all tenants, any number of rows of others may come first. Those of many are likely to come early there.
 */
export function pageOfTenants(tenants: readonly string[], page: Page): string {
  const { order, limit, pageOf, direction } = page;
  if (tenants.length > FEW_TENANTS) return pageOf('tenant = ANY($1::text[])', '');
  // A range of one name, in the order of the index of each tenant. By an equation, Postgres would leave `tenant` out of
  // the order, and might expect to find the rows sooner in the index of all tenants.
  const ofTenant = pageOf('tenant >= given.name AND tenant <= given.name', `tenant ${direction},`);
  return `
    SELECT own.* FROM (SELECT DISTINCT unnest($1::text[]) AS name) given, LATERAL (${ofTenant}) own
    ORDER BY ${order} LIMIT ${limit}`;
}

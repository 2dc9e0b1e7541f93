/** Reads the query string of /usage. */
import type { Pool } from 'pg';
import { includesTenant, tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import { parseTimestamp } from '../core/timestamp.ts';
import { isTimeZone } from '../core/zone-names.ts';
import { fromCursor, USAGE_GROUPS, type UsageGroup, type UsageQuery } from './usage.ts';
import { findTimeZone } from './time-zone.ts';
import { readMidnight } from './usage-query.ts';
import { checkedSpan, instantFrom } from '../http/instants.ts';
import { invalidField } from '../http/problems.ts';
import type { UsageParameters } from './usage-schema.ts';

/** Years 1000 to 9999: Postgres has no year 0. */
const DATE = /^[1-9]\d{3}-\d\d-\d\d$/;

/**
 * Reads the parameters, limited to the caller's tenants. Postgres says when a date begins in a time zone.
 *
 * @throws ProblemError 400 naming the parameter.
 */
export async function parseUsageParameters(
  pool: Pick<Pool, 'query'>,
  { scope, windowSeconds }: { readonly scope: TenantScope; readonly windowSeconds: number },
  parameters: UsageParameters,
): Promise<UsageQuery> {
  const { tz: givenZone = 'UTC', as_of: asOf, after } = parameters;
  if (!isTimeZone(givenZone)) {
    throw invalidField('tz', 'must be UTC or the name of a time zone such as Europe/Berlin');
  }
  const tz = await findTimeZone(pool, givenZone);
  if (tz === undefined) throw invalidField('tz', 'is not known to the database');
  const readBound = async (field: string, text: string | undefined) => {
    const ms = await parsePlace(pool, { field, text, tz });
    refuseInsideWindow(field, ms, windowSeconds);
    return ms;
  };
  const query: UsageQuery = {
    window: parameters.window ?? 'none',
    windowSeconds,
    tz,
    groups: parseGroups(parameters.group_by),
    // A tenant of others is answered like one that does not exist.
    tenants:
      parameters.tenant?.filter((tenant) => includesTenant(scope, tenant)) ?? tenantsOf(scope),
    skus: parameters.product_sku,
    units: parameters.use_unity,
    ...checkedSpan({
      fromMs: await readBound('from', parameters.from),
      toMs: await readBound('to', parameters.to),
    }),
    order: parameters.order ?? 'asc',
    limit: parameters.limit,
    asOfMs: asOf === undefined ? undefined : instantFrom('as_of', asOf),
    live: parameters.live !== 'false',
  };
  if (after === undefined) return query;
  const key = fromCursor(query, after);
  if (key === undefined)
    throw invalidField('after', 'must be `next` of a page of the same request');
  return { ...query, after: key };
}

/** Pulses are kept as sums of whole windows, so a bound inside one would silently answer for another span. */
function refuseInsideWindow(field: string, ms: number | undefined, windowSeconds: number): void {
  const windowMs = windowSeconds * 1000;
  if (ms === undefined || ms % windowMs === 0) return;
  const before = Math.floor(ms / windowMs) * windowMs;
  const [earlier, later] = [before, before + windowMs].map((one) =>
    new Date(one).toISOString().replace('.000', ''),
  );
  throw invalidField(
    field,
    `must be the start of a window of ${windowSeconds / 60} minutes; the nearest are ${earlier ?? ''} and ${later ?? ''}`,
  );
}

/** In the order of USAGE_GROUPS, always with the unit. */
function parseGroups(texts: readonly string[] = []): UsageGroup[] {
  const given = new Set(texts.flatMap((text) => text.split(',')).map((name) => name.trim()));
  given.delete('');
  const groups = USAGE_GROUPS.filter((group) => given.delete(group) || group === 'use_unity');
  if (given.size > 0) throw invalidField('group_by', `must name only ${USAGE_GROUPS.join(', ')}`);
  return groups;
}

async function parsePlace(
  pool: Pick<Pool, 'query'>,
  { field, text, tz }: { field: string; text: string | undefined; tz: string },
): Promise<number | undefined> {
  if (text === undefined) return undefined;
  if (!DATE.test(text)) return instantFrom(field, text, 'a date, or an RFC 3339 instant');
  if (parseTimestamp(`${text}T00:00:00Z`) === undefined) {
    throw invalidField(field, 'must be a day that exists');
  }
  return await readMidnight(pool, { date: text, tz });
}

/** Which sums of a batch a reader wants, as arguments of the function `pulse_match`. */
import { bucketOf, SUM_BUCKETS, toName, toWindow } from './sum-field.ts';

/** A missing member does not restrict; an empty list matches nothing. */
export interface RowFilter {
  readonly tenants?: readonly string[] | undefined;
  readonly skus?: readonly string[] | undefined;
  readonly units?: readonly string[] | undefined;
  /** Windows that start at `fromSec` or later, before `toSec`. */
  readonly fromSec?: number | undefined;
  readonly toSec?: number | undefined;
}

/** Fields that one call examines: so many block Redis for some 3 ms. */
const FIELDS_A_STEP = 2_000;

/** The buckets that can hold matching sums: a tenant's sums are in one. */
export function bucketsOf({ tenants }: RowFilter): readonly number[] {
  if (tenants === undefined) return Array.from({ length: SUM_BUCKETS }, (_, bucket) => bucket);
  return [...new Set(tenants.map((tenant) => bucketOf(latin1(toName(tenant)))))];
}

/** The arguments after the cursor. A search for one tenant filters by a glob. */
export function matchArguments(filter: RowFilter): [count: string, glob: string, json: string] {
  const [tenant, ...others] = filter.tenants ?? [];
  const hasGlob = tenant !== undefined && others.length === 0;
  return [
    String(FIELDS_A_STEP),
    hasGlob ? tenantGlob(tenant) : '*',
    JSON.stringify({
      tenants: toSet(filter.tenants),
      skus: toSet(filter.skus),
      units: toSet(filter.units),
      from: filter.fromSec === undefined ? undefined : toWindow(filter.fromSec),
      to: filter.toSec === undefined ? undefined : toWindow(filter.toSec),
    }),
  ];
}

/** A glob for HSCAN that matches the fields of one tenant and no others. */
function tenantGlob(tenant: string): string {
  return toName(tenant).replace(/[\\*?[]/g, '\\$&') + '\t*';
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function toSet(names: readonly string[] | undefined): Record<string, true> | undefined {
  if (names === undefined) return undefined;
  return Object.fromEntries(names.map((name) => [toName(name), true] as const));
}

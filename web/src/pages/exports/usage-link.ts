/** The page of Usage that asks what an export asked. */
import type { Export } from './exports.ts';

const REPEATED = ['tenant', 'product_sku', 'use_unity'] as const;
const SINGLE = ['from', 'to', 'window', 'tz'] as const;

/** Undefined: the report does not read what flushes wrote. */
export function usagePathOf({ report, parameters }: Pick<Export, 'report' | 'parameters'>) {
  if (report !== 'usage' && report !== 'pulses') return undefined;
  // The description leaves open what each report takes.
  const given = parameters as Readonly<Record<string, string | readonly string[] | undefined>>;
  const search = new URLSearchParams();
  for (const name of REPEATED) {
    for (const value of [given[name] ?? []].flat()) search.append(name, value);
  }
  for (const name of SINGLE) {
    const value = given[name];
    if (typeof value === 'string') search.set(name, value);
  }
  const groups = [given.group_by ?? []].flat();
  if (groups.length > 0) search.set('group_by', groups.join(','));
  if (!search.has('from') && !search.has('to')) search.set('range', 'all');
  return `/usage?${search.toString()}`;
}

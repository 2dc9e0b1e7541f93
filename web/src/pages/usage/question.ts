/** What the address of the page asks. */
import { useMemo } from 'react';
import { instantOf, placeOf } from '../../parts/range.ts';
import { useSpan } from '../../parts/range-filter.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useZone } from '../../parts/zone.ts';

export const WINDOWS = ['hour', 'day', 'month', 'none'] as const;
/** As people choose them. */
export const WINDOW_CHOICES = WINDOWS.map((value) => ({
  value,
  label: value === 'none' ? 'whole range' : value,
}));
export type UsageWindow = (typeof WINDOWS)[number];
export const GROUPS = [
  { value: 'tenant', label: 'Tenant' },
  { value: 'product_sku', label: 'SKU' },
];
export const RANGE_DEFAULT = 'last_7_days';

/** The parameters of `GET /usage`, in its own words. */
export interface UsageQuestion {
  readonly window: UsageWindow;
  readonly tz: string;
  readonly group_by?: string[];
  readonly tenant?: string[];
  readonly product_sku?: string[];
  readonly use_unity?: string[];
  readonly from?: string;
  readonly to?: string;
  readonly live?: 'false';
  readonly as_of?: string;
}

export function useQuestion(): UsageQuestion {
  const [parameters] = useParameters();
  const tz = useZone();
  const { from, to } = useSpan(RANGE_DEFAULT);
  return useMemo(() => {
    const window = parameters.get('window') ?? '';
    const asOf = parameters.get('as_of') ?? '';
    const lists = {
      group_by: (parameters.get('group_by') ?? '').split(',').filter(Boolean),
      ...Object.fromEntries(FILTERS.map(({ name }) => [name, parameters.getAll(name)])),
    };
    return {
      window: isWindow(window) ? window : 'hour',
      tz,
      ...Object.fromEntries(Object.entries(lists).filter(([, values]) => values.length > 0)),
      ...(from === undefined ? {} : { from: placeOf(from, tz) }),
      ...(to === undefined ? {} : { to: placeOf(to, tz) }),
      ...(parameters.get('live') === 'false' ? { live: 'false' as const } : {}),
      ...(asOf === '' ? {} : { as_of: instantOf(asOf, tz) }),
    };
  }, [parameters, tz, from, to]);
}

export const FILTERS = [
  { name: 'tenant', label: 'Tenants' },
  { name: 'product_sku', label: 'SKUs' },
  { name: 'use_unity', label: 'Units' },
] as const;

function isWindow(name: string): name is UsageWindow {
  return WINDOWS.some((window) => window === name);
}

/** What the address of the page asks. */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api, dataOf } from '../../api/client.ts';
import { instantOf, placeOf, todayIn, type Span } from '../../parts/range.ts';
import { useSpan } from '../../parts/range-filter.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useZone } from '../../parts/zone.ts';
import {
  fitted,
  insideWindow,
  msOf,
  needsWindow,
  repaired,
  type Asked,
  type Bounds,
  type DayShift,
} from './whole-windows.ts';

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

/** What keeps a question from being asked, in the words of the page. */
export interface Obstacle {
  /** The labels of fields that hold no date or time. */
  readonly unreadable: readonly string[];
  /** The bounds to ask with instead, where those of the address fall inside a window. */
  readonly bounds?: Bounds;
  readonly windowMinutes?: number;
}

export type Asking =
  | { readonly state: 'ready'; readonly question: UsageQuestion; readonly shift?: DayShift }
  | { readonly state: 'refused'; readonly obstacle: Obstacle }
  | { readonly state: 'waiting'; readonly windowLength: ReturnType<typeof useWindowLength> };

/** Fields with dates and times, as the filters call them. */
const TIME_FIELDS = { from: 'From', to: 'Before', as_of: 'As of' } as const;

export function useAsking(): Asking {
  const [parameters] = useParameters();
  const zone = useZone();
  const { from, to } = useSpan(RANGE_DEFAULT);
  const today = todayIn(zone);
  const given = useMemo(
    () => givenBy(parameters, { from, to }, { zone, today }),
    [parameters, from, to, zone, today],
  );
  const windowLength = useWindowLength(given.needsLength);
  const asking = useMemo(() => askingOf(given, windowLength.data), [given, windowLength.data]);
  return asking ?? { state: 'waiting', windowLength };
}

interface Given {
  readonly rest: UsageQuestion;
  readonly asked: Asked;
  readonly unreadable: readonly string[];
  readonly needsLength: boolean;
}

function givenBy(
  parameters: URLSearchParams,
  { from, to }: Span,
  { zone, today }: { readonly zone: string; readonly today: string },
): Given {
  const rest = withoutBounds(parameters, zone);
  const asked = {
    zone,
    today,
    byDay: rest.window === 'day' || rest.window === 'month',
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  const unreadable = unreadableOf({ from, to, as_of: parameters.get('as_of') ?? '' }, zone);
  return { rest, asked, unreadable, needsLength: needsWindow(asked) };
}

/** Undefined as long as the length of a window is not known and matters. */
function askingOf(
  { rest, asked, unreadable, needsLength }: Given,
  windowSec: number | undefined,
): Asking | undefined {
  if (unreadable.length > 0) return { state: 'refused', obstacle: { unreadable } };
  if (!needsLength) return { state: 'ready', question: { ...rest, ...boundsOf(asked) } };
  if (windowSec === undefined) return undefined;
  const windowMs = windowSec * 1_000;
  if (insideWindow(asked, windowMs)) {
    const bounds = repaired(asked, windowMs);
    return { state: 'refused', obstacle: { unreadable, bounds, windowMinutes: windowSec / 60 } };
  }
  const { bounds, shift } = fitted(asked, windowMs);
  return {
    state: 'ready',
    question: { ...rest, ...bounds },
    ...(shift === undefined ? {} : { shift }),
  };
}

function withoutBounds(parameters: URLSearchParams, tz: string): UsageQuestion {
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
    ...(parameters.get('live') === 'false' ? { live: 'false' as const } : {}),
    ...(asOf === '' ? {} : { as_of: instantOf(asOf, tz) }),
  };
}

function boundsOf({ from, to, zone }: Asked): Bounds {
  return {
    ...(from === undefined ? {} : { from: placeOf(from, zone) }),
    ...(to === undefined ? {} : { to: placeOf(to, zone) }),
  };
}

function unreadableOf(
  places: Readonly<Record<keyof typeof TIME_FIELDS, string | undefined>>,
  zone: string,
): string[] {
  return (['from', 'to', 'as_of'] as const).flatMap((name) => {
    const place = places[name] ?? '';
    return place === '' || msOf(place, zone) !== undefined ? [] : [TIME_FIELDS[name]];
  });
}

/** Of the windows of this installation, in seconds: it never changes. Any answer has it, also one without usage. */
function useWindowLength(isNeeded: boolean) {
  return useQuery({
    queryKey: ['window length'],
    enabled: isNeeded,
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const query = {
        from: '2000-01-01T00:00:00Z',
        to: '2000-01-01T01:00:00Z',
        live: 'false' as const,
      };
      const answer = await dataOf(api.GET('/api/v1/usage', { params: { query }, signal }));
      return answer.window_seconds;
    },
  });
}

export const FILTERS = [
  { name: 'tenant', label: 'Tenants' },
  { name: 'product_sku', label: 'SKUs' },
  { name: 'use_unity', label: 'Units' },
] as const;

function isWindow(name: string): name is UsageWindow {
  return WINDOWS.some((window) => window === name);
}

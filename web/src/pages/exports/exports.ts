/** What exports are to the pages about them. */
import type { components } from '../../api/schema.d.ts';

export type Export = components['schemas']['Export'];
export type ExportState = Export['state'];

export const STATES: readonly ExportState[] = [
  ...(['queued', 'running', 'ready'] as const),
  ...(['failed', 'canceled', 'expired'] as const),
];

const SPAN = ['from', 'to'] as const;
const PULSE = ['tenant', 'product_sku', 'use_unity'] as const;

/** The parameters of each report. */
export const PARAMETERS = {
  usage: [...PULSE, ...SPAN, 'window', 'group_by', 'tz'],
  pulses: [...PULSE, ...SPAN],
  orders: ['customer_id', 'status', ...SPAN],
  subscriptions: ['user_id', 'sku', ...SPAN],
  messages: ['producer', 'client', 'type', ...SPAN],
  'dead-letters': ['state', 'reason', 'tenant', ...SPAN],
} as const;
export type Report = keyof typeof PARAMETERS;
export const REPORTS = Object.keys(PARAMETERS) as readonly Report[];

/** Those that `usage` takes as lists. */
export const LISTS: ReadonlySet<string> = new Set([...PULSE, 'group_by']);

export function isReport(name: string): name is Report {
  return name in PARAMETERS;
}

export const STEPS = ['query', 'write', 'checksum', 'publish'] as const;

export function fileNameOf({ report, as_of: asOf, format, gzip }: Export): string {
  const at = asOf.slice(0, 19).replaceAll(':', '');
  return `${report}-${at}.${format}${gzip ? '.gz' : ''}`;
}

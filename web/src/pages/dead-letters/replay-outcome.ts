/** What has become of a replay, and where that shows. */
import type { components } from '../../api/schema.d.ts';
import { lossyTextOf } from '../../parts/body-text.ts';
import { hourOf, judgeBody, type CountedPulse } from './judge-body.ts';

type DeadLetter = components['schemas']['DeadLetter'];

/** One that is refused again is here again within moments. */
const SETTLED_MS = 5_000;
const LINKS_MAX = 5;

export type ReplayOutcome = 'refused again' | 'not refused' | { readonly knownAtMs: number };

/** Undefined: it was not replayed, or something else was done with it after that. */
export function replayOutcomeOf(
  { actions, state }: Pick<DeadLetter, 'actions' | 'state'>,
  nowMs: number,
): ReplayOutcome | undefined {
  const last = actions.at(-1);
  if (last?.action === 'reopened' && state === 'quarantined') return 'refused again';
  if (last?.action !== 'replayed' || state !== 'replayed') return undefined;
  const knownAtMs = Date.parse(last.at) + SETTLED_MS;
  return nowMs < knownAtMs ? { knownAtMs } : 'not refused';
}

export interface UsageLink {
  readonly path: string;
  readonly text: string;
}

/** The usage of the hours in which the pulses of a body count. A message has none. */
export function usageLinks(deadLetter: DeadLetter, nowMs: number): readonly UsageLink[] {
  if (deadLetter.queue !== null) return [];
  const pulses = judgeBody(lossyTextOf(deadLetter.body), deadLetter, nowMs);
  const links = pulses
    .filter((pulse) => pulse.isCounted)
    .map((pulse) => [usagePath(pulse), `Usage of ${pulse.sku} by ${pulse.tenant} in that hour`]);
  return [...new Map(links as [string, string][])]
    .slice(0, LINKS_MAX)
    .map(([path, text]) => ({ path, text }));
}

function usagePath({ tenant, sku, unit, usedAt }: CountedPulse): string {
  const sum = { tenant, product_sku: sku, use_unity: unit };
  const query = new URLSearchParams({ ...sum, ...hourOf(usedAt) });
  return `/usage?${query.toString()}`;
}

/** The order that a message is about; undefined: it names none. */
export function orderOf({ queue, body }: Pick<DeadLetter, 'queue' | 'body'>): string | undefined {
  if (queue?.includes('orders.') !== true) return undefined;
  try {
    const value: unknown = JSON.parse(lossyTextOf(body));
    if (typeof value !== 'object' || value === null || !('order_id' in value)) return undefined;
    return typeof value.order_id === 'string' ? value.order_id : undefined;
  } catch {
    return undefined;
  }
}

/** How many pulses came without a subscription, by tenant and SKU. Bounded: whoever sends chooses the names. */

export interface UnsubscribedUsage {
  readonly tenant: string;
  readonly sku: string;
  pulseCount: number;
}

/** By tenant and SKU, which hold no control characters. */
export type UnsubscribedUsages = Map<string, UnsubscribedUsage>;

/** Of how many pairs there are counts in memory, however long they cannot be written. */
export const PAIRS_MAX = 1_000;

/**
 * Adds `more` to `total` in place, as far as there is room.
 *
 * @returns How many pulses it has added.
 */
export function addUsages(total: UnsubscribedUsages, more: Iterable<UnsubscribedUsage>): number {
  let added = 0;
  for (const { tenant, sku, pulseCount } of more) {
    const pair = `${tenant}\n${sku}`;
    const known = total.get(pair);
    if (known !== undefined) known.pulseCount += pulseCount;
    else if (total.size < PAIRS_MAX) total.set(pair, { tenant, sku, pulseCount });
    else continue;
    added += pulseCount;
  }
  return added;
}

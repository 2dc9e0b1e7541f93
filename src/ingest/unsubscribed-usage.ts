/** How many pulses came without a subscription, by tenant and SKU. Bounded: whoever sends chooses the names. */

export interface UnsubscribedUsage {
  readonly tenant: string;
  readonly sku: string;
  pulseCount: number;
}

/** By tenant and SKU, which hold no control characters. */
export type UnsubscribedUsages = Map<string, UnsubscribedUsage>;

/** Of how many pairs there are counts in memory, however long they cannot be written. */
export const PAIRS_MAX = { total: 1_000, perTenant: 100 };

/**
 * Adds `more` to `total` in place, as far as there is room, and as far as each tenant leaves it to others.
 *
 * @param more Better all at once: each call looks at all pairs of `total`.
 * @returns How many pulses it has added.
 */
export function addUsages(total: UnsubscribedUsages, more: Iterable<UnsubscribedUsage>): number {
  let added = 0;
  let pairCounts: Map<string, number> | undefined;
  for (const { tenant, sku, pulseCount } of more) {
    const pair = `${tenant}\n${sku}`;
    const known = total.get(pair);
    if (known === undefined) {
      pairCounts ??= countPairs(total);
      const pairCount = pairCounts.get(tenant) ?? 0;
      if (total.size >= PAIRS_MAX.total || pairCount >= PAIRS_MAX.perTenant) continue;
      pairCounts.set(tenant, pairCount + 1);
      total.set(pair, { tenant, sku, pulseCount });
    } else known.pulseCount += pulseCount;
    added += pulseCount;
  }
  return added;
}

function countPairs(usages: UnsubscribedUsages): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { tenant } of usages.values()) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
  return counts;
}

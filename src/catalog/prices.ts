/** What a quantity costs. Pure arithmetic on exact decimals. */
import { formatNano, parseNano } from '../core/decimal.ts';

/**
 * - `graduated`: each unit costs what the tier it falls into says.
 * - `volume`: all units cost what the tier of the month's quantity says.
 */
export const TIER_MODES = ['graduated', 'volume'] as const;
export type TierMode = (typeof TIER_MODES)[number];

export interface PriceTier {
  /** The last unit of the tier, counted in the calendar month; null for the last tier. */
  readonly upTo: number | null;
  /** Exact decimal. */
  readonly unitAmount: string;
}

export interface Price {
  readonly sku: string;
  /** ISO 4217. */
  readonly currency: string;
  /** Exact decimal; without tiers, what every unit costs. */
  readonly unitAmount: string;
  readonly validFrom: Date;
  readonly tiers: { readonly mode: TierMode; readonly steps: readonly PriceTier[] } | null;
}

/** @param tiers In ascending order of `upTo`. @returns What is wrong with them, or undefined. */
export function tierProblem(tiers: readonly PriceTier[]): string | undefined {
  if (tiers.at(-1)?.upTo !== null) return 'the last tier must have no upper end (null)';
  let before = 0;
  for (const { upTo } of tiers.slice(0, -1)) {
    if (upTo === null) return 'only the last tier may have no upper end';
    if (upTo <= before) return 'the upper ends must rise';
    before = upTo;
  }
  return undefined;
}

/**
 * The price of `qty` units.
 *
 * @param before How many units were ordered earlier in the same calendar month.
 * @returns `unitAmount` is the price of the last unit; with graduated tiers `amount` may not be a multiple of it.
 */
export function priceQuantity(
  price: Pick<Price, 'unitAmount' | 'tiers'>,
  { qty, before }: { readonly qty: number; readonly before: number },
): { readonly unitAmount: string; readonly amount: string } {
  const { tiers } = price;
  if (tiers === null) {
    return { unitAmount: price.unitAmount, amount: times(price.unitAmount, qty) };
  }
  const last = tierOf(tiers.steps, before + qty);
  if (tiers.mode === 'volume') return { unitAmount: last, amount: times(last, qty) };
  const amount = graduatedNano(tiers.steps, before + qty) - graduatedNano(tiers.steps, before);
  return { unitAmount: last, amount: formatNano(amount) };
}

function times(unitAmount: string, qty: number): string {
  return formatNano(parseNano(unitAmount) * BigInt(qty));
}

function tierOf(steps: readonly PriceTier[], unit: number): string {
  const tier = steps.find(({ upTo }) => upTo === null || unit <= upTo);
  if (tier === undefined) throw new RangeError('The last tier has an upper end.');
  return tier.unitAmount;
}

/** What the first `quantity` units of a month cost together. */
function graduatedNano(steps: readonly PriceTier[], quantity: number): bigint {
  let sum = 0n;
  let from = 0;
  for (const { upTo, unitAmount } of steps) {
    const to = Math.min(upTo ?? quantity, quantity);
    if (to > from) sum += parseNano(unitAmount) * BigInt(to - from);
    from = Math.max(from, to);
  }
  return sum;
}

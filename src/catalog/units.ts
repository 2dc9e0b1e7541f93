/** Units and exact conversion between them. Pure arithmetic on fractions of whole numbers. */
import { formatNano, parseNano } from '../core/decimal.ts';

/** A unit of the table: one of it is `numerator / denominator` of the base unit of its dimension. */
export interface Unit {
  readonly unit: string;
  /** Such as `information`; units convert only within one. */
  readonly dimension: string;
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** A unit of the table, or a product of them such as `GB·h`. */
export interface Measure {
  /** The dimensions of its factors, sorted, joined by `·`. */
  readonly dimension: string;
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const FACTORS_MAX = 4;
const NANO = 10n ** 9n;

/** The names of the units in a text such as `GB·h`. */
export function factorsOf(text: string): string[] {
  return text.split('·');
}

/** @returns What the text measures, or what is wrong with it, as the end of a sentence. */
export function measureOf(
  text: string,
  units: ReadonlyMap<string, Unit>,
): Measure | { readonly problem: string } {
  const names = factorsOf(text);
  if (names.length > FACTORS_MAX) return { problem: `has more than ${FACTORS_MAX} factors` };
  const factors = names.map((name) => units.get(name));
  const unknown = factors.indexOf(undefined);
  if (unknown !== -1) return { problem: `has the unknown unit "${names[unknown] ?? ''}"` };
  const known = factors.filter((factor) => factor !== undefined);
  return {
    dimension: known
      .map(({ dimension }) => dimension)
      .sort()
      .join('·'),
    numerator: known.reduce((product, { numerator }) => product * numerator, 1n),
    denominator: known.reduce((product, { denominator }) => product * denominator, 1n),
  };
}

/**
 * Converts an amount between two measures of one dimension.
 *
 * @param amount A plain decimal of at most nine digits after the point.
 * @returns The amount, rounded half away from zero to the ninth decimal, and whether it is exact.
 * @throws RangeError The dimensions differ: never a number across dimensions.
 */
export function convertAmount(
  amount: string,
  { from, to }: { readonly from: Measure; readonly to: Measure },
): { readonly amount: string; readonly isExact: boolean } {
  if (from.dimension !== to.dimension) {
    throw new RangeError(`${from.dimension} cannot be converted to ${to.dimension}.`);
  }
  const dividend = parseNano(amount) * from.numerator * to.denominator;
  const divisor = from.denominator * to.numerator;
  const quotient = dividend / divisor;
  const rest = dividend % divisor;
  if (rest === 0n) return { amount: formatNano(quotient), isExact: true };
  const isHalf = 2n * (rest < 0n ? -rest : rest) >= divisor;
  const away = dividend < 0n ? -1n : 1n;
  return { amount: formatNano(isHalf ? quotient + away : quotient), isExact: false };
}

/** Reads a factor such as `1000` or `0.001`, or a fraction such as `1/8`. Undefined: it is neither. */
export function parseFactor(
  text: string,
): { readonly numerator: bigint; readonly denominator: bigint } | undefined {
  const fraction = /^([1-9]\d{0,29})\/([1-9]\d{0,29})$/.exec(text);
  if (fraction !== null) {
    return { numerator: BigInt(fraction[1] ?? '1'), denominator: BigInt(fraction[2] ?? '1') };
  }
  if (!/^\d{1,29}(\.\d{1,9})?$/.test(text)) return undefined;
  const nano = parseNano(text);
  return nano === 0n ? undefined : reduce(nano, NANO);
}

function reduce(numerator: bigint, denominator: bigint) {
  let [a, b] = [numerator, denominator];
  while (b !== 0n) [a, b] = [b, a % b];
  return { numerator: numerator / a, denominator: denominator / a };
}

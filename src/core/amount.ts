/**
 * Exact decimal amounts: a whole part and a part in units of 10⁻⁹, never a float.
 *
 * The amount of one pulse has at most 15 digits before and 9 after the point, so each part is a safe integer. Sums
 * need one more limb: 10¹⁵ in `whole` carries into `high`.
 */

/** The amount of one pulse. `whole` < 10¹⁵, `nano` < 10⁹, both integers, not both zero. */
export interface Amount {
  readonly whole: number;
  readonly nano: number;
}

/** A sum of amounts: high × 10¹⁵ + whole + nano × 10⁻⁹. Each limb is a normalised safe integer. */
export interface AmountSum {
  high: number;
  whole: number;
  nano: number;
}

/** The digits of one limb. */
export const WHOLE_DIGITS = 15;
export const FRACTION_DIGITS = 9;
export const WHOLE_LIMB = 10 ** WHOLE_DIGITS;
export const NANO_LIMB = 10 ** FRACTION_DIGITS;

/** Why a text is not the amount of a pulse. */
export type AmountProblem = 'not_a_number' | 'not_positive' | 'out_of_range' | 'too_precise';

const DECIMAL = /^(-)?(\d+)(?:\.(\d+))?$/;

/**
 * Reads a decimal string such as `3.5` or `000.100`.
 *
 * Leading zeros before the point and trailing zeros after it do not count as digits.
 *
 * @returns The exact amount, or what is wrong. Exponents, signs and spaces are `not_a_number`; only a minus before
 * digits is `not_positive`.
 */
export function parseAmount(text: string): Amount | AmountProblem {
  const match = DECIMAL.exec(text);
  if (match === null) return 'not_a_number';
  const wholeDigits = (match[2] ?? '').replace(/^0+/, '');
  const nanoDigits = withoutTrailingZeros(match[3] ?? '');
  if (match[1] !== undefined || (wholeDigits === '' && nanoDigits === '')) return 'not_positive';
  if (wholeDigits.length > WHOLE_DIGITS) return 'out_of_range';
  if (nanoDigits.length > FRACTION_DIGITS) return 'too_precise';
  return { whole: Number(wholeDigits), nano: Number(nanoDigits.padEnd(FRACTION_DIGITS, '0')) };
}

/** A loop, because the pattern `0+$` takes quadratic time on a long run of zeros that ends in another digit. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charAt(end - 1) === '0') end--;
  return digits.slice(0, end);
}

/** Adds `amount` to `sum` in place, carrying between the limbs. */
export function addAmount(sum: AmountSum, amount: Amount): void {
  let nano = sum.nano + amount.nano;
  let whole = sum.whole + amount.whole;
  if (nano >= NANO_LIMB) {
    nano -= NANO_LIMB;
    whole += 1;
  }
  if (whole >= WHOLE_LIMB) {
    whole -= WHOLE_LIMB;
    sum.high += 1;
  }
  sum.nano = nano;
  sum.whole = whole;
}

/** Adds another sum to `sum` in place. */
export function addSum(sum: AmountSum, other: Readonly<AmountSum>): void {
  addAmount(sum, other);
  sum.high += other.high;
}

/** Reads what `formatAmount` wrote; undefined for any other text. */
export function parseSum(text: string): AmountSum | undefined {
  const [, units = '', fraction = ''] = /^(\d{1,30})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (units === '') return undefined;
  return {
    high: Number(units.slice(0, -WHOLE_DIGITS)),
    whole: Number(units.slice(-WHOLE_DIGITS)),
    nano: Number(fraction.padEnd(FRACTION_DIGITS, '0')),
  };
}

/** The shortest exact decimal text of a sum: `12`, `0.5`, never an exponent. */
export function formatAmount({ high, whole, nano }: AmountSum): string {
  const units =
    high === 0 ? String(whole) : String(high) + String(whole).padStart(WHOLE_DIGITS, '0');
  if (nano === 0) return units;
  return `${units}.${String(nano).padStart(FRACTION_DIGITS, '0').replace(/0+$/, '')}`;
}

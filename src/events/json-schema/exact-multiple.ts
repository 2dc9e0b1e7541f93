/** Whether a number is a multiple of another, exactly: with binary fractions, 0.3 is not a multiple of 0.1. */

interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** @param divisor Above 0. Both are taken as the shortest decimal that stands for them. */
export function isMultipleOf(value: number, divisor: number): boolean {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(divisor)) return value % divisor === 0;
  const whole = toDecimal(value);
  const part = toDecimal(divisor);
  const shift = whole.exponent - part.exponent;
  if (shift >= 0) return (whole.digits * 10n ** BigInt(shift)) % part.digits === 0n;
  return whole.digits % (part.digits * 10n ** BigInt(-shift)) === 0n;
}

function toDecimal(value: number): Decimal {
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

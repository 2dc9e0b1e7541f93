/** Exact decimals with up to nine digits after the point, as integers of 10⁻⁹. */

const NANO_DIGITS = 9;
const DECIMAL = /^(-?)(\d+)(?:\.(\d{1,9}))?$/;

/** @throws RangeError The text is not a plain decimal of at most nine digits after the point. */
export function parseNano(text: string): bigint {
  const match = DECIMAL.exec(text);
  if (match === null) throw new RangeError(`"${text}" is not a decimal with up to nine decimals.`);
  const [, sign, whole = '', fraction = ''] = match;
  const nano = BigInt(whole + fraction.padEnd(NANO_DIGITS, '0'));
  return sign === '-' ? -nano : nano;
}

/** The shortest exact text: `12`, `0.5`, never an exponent. */
export function formatNano(nano: bigint): string {
  const digits = (nano < 0n ? -nano : nano).toString().padStart(NANO_DIGITS + 1, '0');
  const whole = digits.slice(0, -NANO_DIGITS);
  const fraction = digits.slice(-NANO_DIGITS).replace(/0+$/, '');
  return `${nano < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

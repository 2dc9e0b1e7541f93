/** Exact sums of amounts that are written as plain decimals with up to nine places. */

const AMOUNT = /^(\d+)(?:\.(\d{1,9}))?$/;
const NANO_DIGITS = 9;

/** @throws Error The text is not an amount. */
export function parseNanos(text: string): bigint {
  const [, whole, places = ''] = AMOUNT.exec(text) ?? [];
  if (whole === undefined) throw new Error(`"${text.slice(0, 40)}" is not an amount.`);
  return BigInt(whole + places.padEnd(NANO_DIGITS, '0'));
}

/** Without zeros at the end, as `trim_scale` writes it. */
export function formatNanos(nanos: bigint): string {
  const digits = String(nanos).padStart(NANO_DIGITS + 1, '0');
  const places = digits.slice(-NANO_DIGITS).replace(/0+$/, '');
  return `${digits.slice(0, -NANO_DIGITS)}${places === '' ? '' : `.${places}`}`;
}

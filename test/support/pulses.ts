/** Builders of pulses for tests, and the BigInt oracle that sums are compared with. */
import fc from 'fast-check';
import type { Amount, AmountSum } from '../../src/core/amount.ts';
import type { Pulse } from '../../src/contract/pulse.ts';

/** A pulse as a producer sends it; valid unless `changes` make it invalid. */
export function sentPulse(changes: Readonly<Record<string, unknown>> = {}) {
  return {
    tenant: 'acme',
    product_sku: 'vm.small',
    use_unity: 'hours',
    used_amount: '3.5',
    ...changes,
  };
}

/** A pulse as ingest has parsed it. */
export function parsedPulse(changes: Partial<Pulse> = {}): Pulse {
  return {
    tenant: 'acme',
    sku: 'vm.small',
    unit: 'hours',
    amount: { whole: 3, nano: 500_000_000 },
    windowStartSec: 1_763_780_400,
    id: undefined,
    ...changes,
  };
}

/** An amount in units of 10⁻⁹. */
export function toNanos(amount: Amount | AmountSum): bigint {
  const high = 'high' in amount ? BigInt(amount.high) : 0n;
  return (high * 10n ** 15n + BigInt(amount.whole)) * 10n ** 9n + BigInt(amount.nano);
}

/** The shortest decimal text of an amount in units of 10⁻⁹, written without the code under test. */
export function decimalOf(nanos: bigint): string {
  const digits = nanos.toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0{1,9}$/, '');
  return digits.slice(0, -9) + (fraction === '' ? '' : `.${fraction}`);
}

export function toAmount(nanos: bigint): Amount {
  return { whole: Number(nanos / 10n ** 9n), nano: Number(nanos % 10n ** 9n) };
}

/** Every amount that one pulse may carry, in units of 10⁻⁹; limits and short ones are more likely. */
export const arbitraryNanos = fc.oneof(
  fc.bigInt({ min: 1n, max: 10n ** 24n - 1n }),
  fc.bigInt({ min: 1n, max: 10n ** 6n }).map((units) => units * 10n ** 9n),
  fc.bigInt({ min: 1n, max: 10n ** 9n - 1n }),
  fc.constantFrom(1n, 10n ** 9n - 1n, 10n ** 9n, 10n ** 24n - 10n ** 9n, 10n ** 24n - 1n),
);

/** Texts allowed in a key: separators, quotes, emoji, everything but control characters. */
export function arbitraryKeyText(lengthMax: number): fc.Arbitrary<string> {
  const awkward = [
    'a',
    ':',
    '|',
    '"',
    "'",
    '\\',
    '{0}',
    ' ',
    '%',
    '😀',
    'é',
    '\u2028',
    '#',
    '\ufffd',
  ];
  const piece = fc.oneof(
    fc.constantFrom(...awkward),
    fc.string({ unit: 'grapheme', maxLength: 3 }),
  );
  return fc
    .array(piece, { minLength: 1, maxLength: 8 })
    .map((pieces) => pieces.join(''))
    .filter((text) => new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${lengthMax}}$`, 'u').test(text));
}

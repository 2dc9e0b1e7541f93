import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePulse, type PulseContext } from '../../src/contract/parse-pulse.ts';
import * as rules from '../../src/contract/rules.ts';
import {
  arbitraryKeyText,
  arbitraryNanos,
  decimalOf,
  sentPulse,
  toNanos,
} from '../support/pulses.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 4, 10, 0);
const DAY_MS = 86_400_000;

function contextOf(json: string, changes: Partial<PulseContext> = {}): PulseContext {
  return {
    fallbackId: undefined,
    messageTimeSec: undefined,
    receivedAtMs: NOW_MS,
    ...{ ageMaxMs: 35 * DAY_MS, aheadMaxMs: 300_000, windowSeconds: 3_600 },
    source: () => json,
    ...changes,
  };
}

/** The outcome of a pulse in JSON text, where numbers keep their digits. */
function parseText(json: string, changes?: Partial<PulseContext>) {
  return parsePulse(JSON.parse(json), contextOf(json, changes));
}

function outcomeOf(fields: Record<string, unknown>, changes?: Partial<PulseContext>) {
  const outcome = parseText(JSON.stringify(sentPulse(fields)), changes);
  return outcome.ok ? 'accepted' : outcome.rejection.reason;
}

/** The outcome of a `used_amount` written as `source` in the JSON text. */
function amountOf(source: string): bigint | string {
  const json = JSON.stringify(sentPulse({ used_amount: 'AMOUNT' })).replace('"AMOUNT"', source);
  const outcome = parseText(json);
  return outcome.ok ? toNanos(outcome.pulse.amount) : outcome.rejection.reason;
}

describe('parsePulse', () => {
  test('a pulse has its key, its exact amount and the hour of its use', () => {
    const sent = sentPulse({ id: 'p-1', timestamp: '2026-11-22T03:59:59.999Z' });
    expect(parsePulse(sent, contextOf('', { fallbackId: 'm-1' }))).toEqual({
      ok: true,
      pulse: {
        tenant: 'acme',
        sku: 'vm.small',
        unit: 'hours',
        amount: { whole: 3, nano: 500_000_000 },
        usedAtMs: Date.UTC(2026, 10, 22, 4) - 1,
        windowStartSec: Date.UTC(2026, 10, 22, 3) / 1000,
        id: 'p-1',
      },
    });
  });

  test.each([null, 1, 'text', true, [], [sentPulse()]])('%j is not an object', (value) => {
    expect(parsePulse(value, contextOf(''))).toMatchObject({
      ok: false,
      rejection: { reason: 'not_an_object' },
    });
  });

  test('unknown fields are ignored, whatever they are called', () => {
    const json = `{"constructor":1,"__proto__":{"tenant":"evil"},"toString":null,"x":[{}],${JSON.stringify(sentPulse()).slice(1)}`;
    expect(parseText(json)).toMatchObject({ ok: true, pulse: { tenant: 'acme' } });
  });

  test('a field is never taken from a prototype', () => {
    const json = `{"__proto__":${JSON.stringify(sentPulse())}}`;
    expect(parseText(json)).toMatchObject({ ok: false, rejection: { reason: 'invalid_tenant' } });
  });

  test('the first wrong field, in the order of the contract, decides', () => {
    const wrong = {
      tenant: 1,
      product_sku: 1,
      use_unity: 1,
      used_amount: 'x',
      id: 1,
      timestamp: 1,
    };
    const reasons = Object.keys(wrong).map((_, index, names) => {
      const fields = Object.entries(wrong).slice(index, names.length);
      return outcomeOf(Object.fromEntries(fields));
    });
    expect(reasons).toEqual([
      'invalid_tenant',
      'invalid_product_sku',
      'invalid_use_unity',
      'invalid_used_amount',
      'invalid_id',
      'invalid_timestamp',
    ]);
  });
});

describe.each([
  ['tenant', 'invalid_tenant', rules.TENANT_LENGTH_MAX],
  ['product_sku', 'invalid_product_sku', rules.SKU_LENGTH_MAX],
  ['use_unity', 'invalid_use_unity', rules.UNIT_LENGTH_MAX],
])('%s', (field, reason, lengthMax) => {
  test.each([
    ['one character', 'x'],
    ['the longest text', 'x'.repeat(lengthMax)],
    ['as many emoji as characters are allowed', '😀'.repeat(lengthMax)],
    ['separators, quotes and spaces', 'a:b|c"😀 \\'],
    ['a line separator, which is no control character', 'a\u2028b'],
    ['a replacement character that was really sent', '\ufffd'],
  ])('%s is a valid key', (_, text) => {
    expect(outcomeOf({ [field]: text })).toBe('accepted');
  });

  test.each([
    ['nothing', ''],
    ['one character too many', 'x'.repeat(lengthMax + 1)],
    ['one emoji too many', '😀'.repeat(lengthMax + 1)],
    ['NUL', 'a\u0000'],
    ['a line break', 'a\n'],
    ['the unit separator', 'a\u001fb'],
    ['DEL', '\u007f'],
    ['a C1 control character', '\u0085'],
    ['the first half of a surrogate pair', '\ud83d'],
    ['the second half of a surrogate pair', 'a\ude00b'],
    ['a missing field', undefined],
    ['null', null],
    ['a number', 7],
    ['true', true],
    ['an array of a text', ['x']],
    ['an object', { toString: 'x' }],
  ])('%s is refused', (_, value) => {
    expect(outcomeOf({ [field]: value })).toBe(reason);
  });
});

describe('used_amount', () => {
  test.each([
    ['1', 10n ** 9n],
    ['1.0', 10n ** 9n],
    ['1E3', 10n ** 12n],
    ['1e+3', 10n ** 12n],
    ['1e-9', 1n],
    ['1.5e-8', 15n],
    ['1.2e-7', 120n],
    ['12.34e1', 123_400_000_000n],
    ['0.1', 100_000_000n],
    ['0.000000001', 1n],
    ['100000000000000', 10n ** 23n],
    ['1e14', 10n ** 23n],
    ['999999999999999', 999_999_999_999_999n * 10n ** 9n],
    ['123456.789012345', 123_456_789_012_345n],
    ['"0.1"', 100_000_000n],
    ['"999999999999999.999999999"', 10n ** 24n - 1n],
  ])('%s is read exactly', (source, nanos) => {
    expect(amountOf(source)).toBe(nanos);
  });

  test.each([
    ['0.1000000000000000055', 'its double is shown as 0.1'],
    ['9007199254740993', 'its double is another integer'],
    ['1.0000000000000001', 'its double is 1'],
    ['0.30000000000000004', 'what JavaScript sends for 0.1 + 0.2'],
    ['3.1415926535897932', '17 digits'],
    ['1000000000000.0001e1', 'digits beyond 15 hidden by an exponent'],
    ['1234567890.123456', '16 digits'],
  ])('the number %s is refused with a hint to send a string: %s', (source) => {
    const json = JSON.stringify(sentPulse({ used_amount: 'N' })).replace('"N"', source);
    expect(parseText(json)).toMatchObject({
      ok: false,
      rejection: {
        reason: 'amount_too_precise',
        detail: expect.stringContaining('send it as a string') as string,
      },
    });
  });

  test.each([
    ['1000000000000000', 'amount_too_precise or amount_out_of_range'],
    ['100000000000000000000', 'amount_too_precise or amount_out_of_range'],
    ['1e15', 'amount_out_of_range'],
    ['1e20', 'amount_out_of_range'],
    ['1e21', 'amount_out_of_range'],
    ['1e30', 'amount_out_of_range'],
    ['1.7976931348623e308', 'amount_out_of_range'],
    ['1e400', 'invalid_used_amount or amount_out_of_range'],
    ['-1e400', 'invalid_used_amount or amount_not_positive'],
    ['1e-10', 'amount_too_precise'],
    ['1.00000000001', 'amount_too_precise'],
    ['5e-324', 'amount_too_precise'],
    ['1e-400', 'amount_too_precise'],
    ['0', 'amount_not_positive'],
    ['0.0', 'amount_not_positive'],
    ['0e5', 'amount_not_positive'],
    ['-0', 'amount_not_positive'],
    ['-0.0', 'amount_not_positive'],
    ['-1', 'amount_not_positive'],
    ['-1e-9', 'amount_not_positive'],
    ['-1e30', 'amount_not_positive'],
    ['"-1"', 'amount_not_positive'],
    ['"0"', 'amount_not_positive'],
    ['"1000000000000000"', 'amount_out_of_range'],
    ['"0.0000000001"', 'amount_too_precise'],
    ['"1e3"', 'invalid_used_amount'],
    ['""', 'invalid_used_amount'],
    ['"NaN"', 'invalid_used_amount'],
    ['"0x1"', 'invalid_used_amount'],
    ['" 1"', 'invalid_used_amount'],
    ['null', 'invalid_used_amount'],
    ['true', 'invalid_used_amount'],
    ['[1]', 'invalid_used_amount'],
    ['{"valueOf":1}', 'invalid_used_amount'],
  ])('%s is refused: %s', (source, reasons) => {
    expect(reasons.split(' or ')).toContain(amountOf(source));
  });

  test('a missing amount is refused', () => {
    expect(outcomeOf({ used_amount: undefined })).toBe('invalid_used_amount');
  });

  test('the last of repeated members counts, with its digits', () => {
    const json = (first: string, last: string) =>
      `{"used_amount":${first},${JSON.stringify(sentPulse({ used_amount: 'N' }))
        .slice(1)
        .replace('"N"', last)}`;
    expect(parseText(json('0.1000000000000000055', '0.1'))).toMatchObject({
      ok: true,
      pulse: { amount: { whole: 0, nano: 100_000_000 } },
    });
    expect(parseText(json('0.1', '0.1000000000000000055'))).toMatchObject({ ok: false });
  });

  test('every number of at most 15 digits is exact, every longer one is refused', () => {
    const digits = fc.stringMatching(/^[1-9]\d{0,17}$/);
    fc.assert(
      fc.property(digits, fc.integer({ min: -20, max: 20 }), (mantissa, exponent) => {
        const outcome = amountOf(`${mantissa}e${exponent}`);
        if (mantissa.length > 15) {
          expect(outcome).toMatch(/^amount_/);
          return;
        }
        const nanos = BigInt(mantissa) * 10n ** BigInt(exponent + 30);
        const exact = nanos % 10n ** 21n === 0n;
        const small = nanos / 10n ** 21n < 10n ** 24n;
        if (exact && small) expect(outcome).toBe(nanos / 10n ** 21n);
        else expect(outcome).toMatch(/^amount_(too_precise|out_of_range)$/);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('id', () => {
  test.each([
    ['the pulse’s own', 'own', 'm-1', 'own'],
    ['the message’s when it has none', undefined, 'm-1', 'm-1'],
    ['none at all', undefined, undefined, undefined],
  ])('%s identifies a pulse', (_, id, fallbackId, expected) => {
    const outcome = parsePulse(sentPulse({ id }), contextOf('', { fallbackId }));
    expect(outcome.ok && outcome.pulse.id).toBe(expected);
  });

  const longest = 'x'.repeat(rules.ID_LENGTH_MAX);
  test.each(['x', longest, '😀'.repeat(rules.ID_LENGTH_MAX), 'a\nb'])('%j is accepted', (id) => {
    expect(outcomeOf({ id })).toBe('accepted');
  });

  test.each(['', `x${longest}`, '\ud800', null, 7, ['x'], {}])('%j is refused', (id) => {
    expect(outcomeOf({ id }, { fallbackId: 'm-1' })).toBe('invalid_id');
  });
});

describe('any valid pulse', () => {
  test('is accepted with its exact key and amount', () => {
    const arbitrary = fc.record({
      tenant: arbitraryKeyText(rules.TENANT_LENGTH_MAX),
      product_sku: arbitraryKeyText(rules.SKU_LENGTH_MAX),
      use_unity: arbitraryKeyText(rules.UNIT_LENGTH_MAX),
      id: fc.option(arbitraryKeyText(rules.ID_LENGTH_MAX), { nil: undefined }),
    });
    fc.assert(
      fc.property(arbitrary, arbitraryNanos, fc.boolean(), (fields, nanos, spaced) => {
        const sent = { ...fields, used_amount: decimalOf(nanos) };
        const outcome = parseText(JSON.stringify(sent, null, spaced ? '\t' : undefined));
        if (!outcome.ok) throw new Error(outcome.rejection.detail);
        expect(toNanos(outcome.pulse.amount)).toBe(nanos);
        expect(outcome.pulse).toMatchObject({
          tenant: fields.tenant,
          sku: fields.product_sku,
          unit: fields.use_unity,
        });
        expect(outcome.pulse.id).toBe(fields.id);
      }),
      { numRuns: 500 },
    );
  });
});

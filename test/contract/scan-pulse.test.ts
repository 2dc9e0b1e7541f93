import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRefusal, parseAnyBody, type BodyOutcome } from '../../src/contract/parse-body.ts';
import { ARRAY_LENGTH_MAX, TENANT_LENGTH_MAX, UNIT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { PulseScanner } from '../../src/contract/scan-pulse.ts';
import { arbitraryKeyText, decimalOf, arbitraryNanos } from '../support/pulses.ts';
import { BODY_LIMITS } from './body-outcomes.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 4, 10);
const BOUNDS = {
  earliestMs: NOW_MS - BODY_LIMITS.pulseAgeMaxMs,
  latestMs: NOW_MS + BODY_LIMITS.pulseAheadMaxMs,
};
const USUAL = {
  id: 'p-1',
  tenant: 'acme',
  product_sku: 'vm.small',
  use_unity: 'GB-h',
  used_amount: 12.5,
  timestamp: '2026-11-22T04:05:06.789Z',
};

const scanner = new PulseScanner(3_600);
const scan = (body: string | Buffer) =>
  scanner.scan(typeof body === 'string' ? Buffer.from(body) : body, BOUNDS);

/** The pulses by the full parse; undefined when it refuses anything. */
function parse(body: string | Buffer): BodyOutcome | BodyOutcome[] | undefined {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const message = { messageId: undefined, timestampSec: undefined, receivedAtMs: NOW_MS };
  const outcome = parseAnyBody(bytes, message, BODY_LIMITS);
  return [outcome].flat().some(isRefusal) ? undefined : outcome;
}

/** One member as a producer may write it: usual, almost usual, or wrong. */
const arbitraryText = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[ -~]{1,130}$/).map((text) => JSON.stringify(text)) },
  { weight: 2, arbitrary: arbitraryKeyText(TENANT_LENGTH_MAX).map((text) => JSON.stringify(text)) },
  fc.constantFrom(
    '""',
    'null',
    '1',
    '"a\\u0041"',
    '"\u007f"',
    '"é"',
    '"a',
    `"${'x'.repeat(TENANT_LENGTH_MAX)}"`,
  ),
);
const arbitraryAmount = fc.oneof(
  { weight: 3, arbitrary: arbitraryNanos.map(decimalOf) },
  { weight: 3, arbitrary: arbitraryNanos.map((nanos) => `"${decimalOf(nanos)}"`) },
  fc.stringMatching(/^-?\d{0,17}(\.\d{0,11})?$/),
  fc.stringMatching(/^"\d{0,17}(\.\d{0,11})?"$/),
  fc.double({ noNaN: true }).map(String),
  fc.constantFrom('0', '"0"', '0.0', '"00.5"', '007', '1e3', '1.50', '"1."', '.5', '-1', '"+1"'),
);
const arbitraryTime = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .date({ min: new Date(NOW_MS - 9e9), max: new Date(NOW_MS + 9e8), noInvalidDate: true })
      .map((date) => `"${date.toISOString()}"`),
  },
  fc.stringMatching(/^"2026-11-22T0[0-4]:[0-6]\d:[0-6]\d(\.\d{0,10})?(Z|z|\+00:00)?"$/),
  fc.constantFrom(
    '"2026-11-22t04:05:06Z"',
    '"2026-11-31T00:00:00Z"',
    '"2026-11-22T24:00:00Z"',
    '1',
    '""',
  ),
);
const space = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('', ' ') },
  fc.constantFrom('  ', '\n', '\t'),
);

const arbitraryObject = fc
  .record({
    tenant: arbitraryText,
    product_sku: arbitraryText,
    use_unity: arbitraryText,
    used_amount: arbitraryAmount,
    id: arbitraryText,
    timestamp: arbitraryTime,
  })
  .chain((members) => {
    const usual = Object.entries({ ...USUAL, used_amount: '12.5' }).map(([name, value]) => [
      name,
      name === 'used_amount' ? value : JSON.stringify(value),
    ]);
    const drawn = Object.entries(members);
    return fc.record({
      // Most members are usual, so that many pulses are.
      members: fc
        .tuple(
          ...usual.map((one, at) =>
            fc.oneof(
              { weight: 5, arbitrary: fc.constant(one) },
              fc.constant(drawn.find(([name]) => name === one[0]) ?? drawn[at]),
            ),
          ),
        )
        .chain((chosen) =>
          fc.oneof(
            { weight: 9, arbitrary: fc.shuffledSubarray(chosen, { minLength: chosen.length }) },
            fc.shuffledSubarray(chosen),
          ),
        ),
      spaces: fc.array(space, { minLength: 1, maxLength: 2 }),
      extra: fc.oneof(
        { weight: 9, arbitrary: fc.constant(undefined) },
        fc.constantFrom('"x":1', '"tenant":"b"', '"__proto__":{}', ''),
      ),
    });
  })
  .map(({ members, spaces, extra }) => {
    let at = 0;
    const gap = () => spaces[at++ % spaces.length] ?? '';
    const parts = members.map(
      (member) => `${gap()}"${member?.[0]}"${gap()}:${gap()}${member?.[1]}${gap()}`,
    );
    if (extra !== undefined) parts.push(extra);
    return `{${parts.join(',')}}`;
  });

describe('PulseScanner', () => {
  test('returns exactly what the full parse returns, or nothing', () => {
    let scannedCount = 0;
    const runs = 20_000;
    fc.assert(
      fc.property(arbitraryObject, (body) => {
        const scanned = scan(body);
        if (scanned === undefined) return;
        scannedCount += 1;
        expect(scanned).toEqual(parse(body));
      }),
      { numRuns: runs },
    );
    expect(scannedCount).toBeGreaterThan(runs / 20);
  });

  test('does the same for arrays', () => {
    const element = fc.oneof(
      { weight: 9, arbitrary: fc.constant(JSON.stringify(USUAL)) },
      arbitraryObject,
    );
    fc.assert(
      fc.property(fc.array(element, { maxLength: 6 }), space, (elements, gap) => {
        const body = `[${gap}${elements.join(`${gap},${gap}`)}${gap}]`;
        const scanned = scan(body);
        if (scanned !== undefined) expect(scanned).toEqual(parse(body));
      }),
      { numRuns: 3_000 },
    );
  });

  test('for a body that is cut or changed anywhere, returns nothing or what the full parse returns', () => {
    const body = Buffer.from(JSON.stringify([USUAL, USUAL]));
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.nat(255), fc.boolean(), (at, byte, cut) => {
        const broken = cut ? body.subarray(0, at) : Buffer.from(body);
        if (!cut) broken[at] = byte;
        const scanned = scan(broken);
        if (scanned !== undefined) expect(scanned).toEqual(parse(broken));
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([
    ['compact', JSON.stringify(USUAL)],
    ['with spaces, as Python writes it', JSON.stringify(USUAL, null, 1).replaceAll('\n', '')],
    ['with a text amount', JSON.stringify({ ...USUAL, used_amount: '0.000000001' })],
    [
      'without a fraction of a second',
      JSON.stringify({ ...USUAL, timestamp: '2026-11-22T03:00:00Z' }),
    ],
    [
      'with the longest texts',
      JSON.stringify({
        ...USUAL,
        tenant: 'x'.repeat(TENANT_LENGTH_MAX),
        use_unity: 'y'.repeat(UNIT_LENGTH_MAX),
      }),
    ],
  ])('reads the usual pulse %s', (_, body) => {
    expect(scan(body)).toEqual(parse(body));
    expect(scan(body)).toMatchObject({ id: 'p-1' });
  });

  test('reads an array up to the limit of its length', () => {
    const many = (count: number) => JSON.stringify(Array.from({ length: count }, () => USUAL));
    expect(scan(many(ARRAY_LENGTH_MAX))).toHaveLength(ARRAY_LENGTH_MAX);
    expect(scan(many(ARRAY_LENGTH_MAX + 1))).toBeUndefined();
  });

  test('distinguishes texts that share a place in its table', () => {
    // Texts of the same hash: 'Aa' and 'BB' in base 31.
    for (const tenant of ['Aa', 'BB', 'Aa', 'AaAa', 'BBBB', 'AaBB']) {
      expect(scan(JSON.stringify({ ...USUAL, tenant }))).toMatchObject({ tenant });
    }
  });

  test.each(['id', 'tenant', 'product_sku', 'use_unity', 'used_amount', 'timestamp'])(
    'leaves a pulse without %s to the full parse',
    (name) => {
      expect(scan(JSON.stringify({ ...USUAL, [name]: undefined }))).toBeUndefined();
    },
  );

  test('leaves a pulse that is too old or too far in the future to the full parse', () => {
    const at = (ms: number) =>
      scan(JSON.stringify({ ...USUAL, timestamp: new Date(ms).toISOString() }));
    expect(at(BOUNDS.earliestMs)).toBeDefined();
    expect(at(BOUNDS.earliestMs - 1)).toBeUndefined();
    expect(at(BOUNDS.latestMs)).toBeDefined();
    expect(at(BOUNDS.latestMs + 1)).toBeUndefined();
  });
});

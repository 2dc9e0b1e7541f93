import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KnownKeys } from '../../src/contract/known-keys.ts';
import { parseAnyBody, type MessageFacts } from '../../src/contract/parse-body.ts';
import { PulseRecords } from '../../src/contract/pulse-records.ts';
import {
  ARRAY_LENGTH_MAX,
  ID_LENGTH_MAX,
  TENANT_LENGTH_MAX,
  UNIT_LENGTH_MAX,
} from '../../src/contract/rules.ts';
import { PulseScanner } from '../../src/contract/scan-pulse.ts';
import {
  arbitraryElement,
  arbitraryMessage,
  arbitraryObject,
  NOW_MS,
  space,
  USUAL,
} from './arbitrary-bodies.ts';
import { BODY_LIMITS, newBodyParser, outcomesIn } from './body-outcomes.ts';

const MESSAGE: MessageFacts = {
  messageId: undefined,
  timestampSec: undefined,
  receivedAtMs: NOW_MS,
};
const FACTS = {
  earliestMs: NOW_MS - BODY_LIMITS.pulseAgeMaxMs,
  latestMs: NOW_MS + BODY_LIMITS.pulseAheadMaxMs,
  fallbackTimeMs: NOW_MS,
  fallbackId: undefined,
};
const toBytes = (body: string | Buffer) => (typeof body === 'string' ? Buffer.from(body) : body);

// One for all tests, so that what it has learned from other bodies matters.
const parser = newBodyParser();
const scanner = new PulseScanner(3_600, new KnownKeys((key) => ({ key })));

/** The pulses of the usual shape; undefined in place of other elements, and for other bodies. */
function scan(body: string | Buffer, facts: Partial<typeof FACTS> = {}) {
  const records = scanner.scan(toBytes(body), { ...FACTS, ...facts });
  if (records === undefined) return undefined;
  const isUsual = (index: number) => records.keys[index] !== undefined;
  const pulses = Array.from({ length: records.count }, (_, index) =>
    isUsual(index) ? records.pulseAt(index) : undefined,
  );
  return records.isArray ? pulses : pulses[0];
}

/** @returns Whether the scanner could read the body, or most of it. */
function expectOracle(body: string | Buffer, given: Partial<MessageFacts> = {}): boolean {
  const message = { ...MESSAGE, ...given };
  const parsed = parser.parse(toBytes(body), message);
  const expected = parseAnyBody(toBytes(body), message, BODY_LIMITS);
  // Far faster than `expect`, which then says what differs.
  const found = outcomesIn(parsed);
  if (!isDeepStrictEqual(found, expected)) expect(found).toEqual(expected);
  return parsed instanceof PulseRecords;
}

describe('BodyParser', () => {
  test('finds in any object what the general parser finds', () => {
    let scannedCount = 0;
    const runs = 8_000;
    fc.assert(
      fc.property(arbitraryObject, arbitraryMessage, (body, message) => {
        if (expectOracle(body, message)) scannedCount += 1;
      }),
      { numRuns: runs },
    );
    expect(scannedCount).toBeGreaterThan(runs / 20);
  });

  test('finds in any array what the general parser finds', () => {
    let scannedCount = 0;
    const runs = 5_000;
    const elements = fc.array(arbitraryElement, { maxLength: 6 });
    fc.assert(
      fc.property(elements, space, arbitraryMessage, (parts, gap, message) => {
        const body = `${gap}[${gap}${parts.join(`${gap},${gap}`)}${gap}]${gap}`;
        if (expectOracle(body, message)) scannedCount += 1;
      }),
      { numRuns: runs },
    );
    expect(scannedCount).toBeGreaterThan(runs / 5);
  });

  test('finds the same in a body that is cut or changed anywhere', () => {
    const awkward = {
      ...USUAL,
      tenant: 'é"\\',
      id: '\u0007é',
      used_amount: '0.000000001',
      more: [1],
    };
    const body = Buffer.from(JSON.stringify([USUAL, awkward, USUAL]));
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.nat(255), fc.boolean(), (at, byte, cut) => {
        const broken = cut ? body.subarray(0, at) : Buffer.from(body);
        if (!cut) broken[at] = byte;
        expectOracle(broken, { messageId: 'm' });
      }),
      { numRuns: 4_000 },
    );
  });

  test('finds the same in a body with an escape, or with a byte that is no UTF-8, anywhere', () => {
    const body = Buffer.from(JSON.stringify([USUAL, { ...USUAL, tenant: 'é😀' }]));
    const parts = [
      Buffer.from('\\'),
      Buffer.from('\\u00e9'),
      Buffer.from([0xff]),
      Buffer.from([0xc3]),
    ];
    for (let at = 0; at <= body.length; at++) {
      for (const part of parts) {
        expectOracle(Buffer.concat([body.subarray(0, at), part, body.subarray(at)]));
      }
    }
  });

  test('refuses one element of an array without reading the others again', () => {
    const refused = { ...USUAL, tenant: '' };
    const body = JSON.stringify([USUAL, refused, { ...USUAL, id: 'p-2' }]);
    expect(expectOracle(body)).toBe(true);
    expect(scan(body)).toMatchObject([{ id: 'p-1' }, undefined, { id: 'p-2' }]);
  });

  test('refuses a body whose unusual element has too many members', () => {
    const more = Array.from({ length: 60_000 }, () => 1);
    const body = JSON.stringify([USUAL, { ...USUAL, more }]);
    expect(expectOracle(body)).toBe(false);
    expect(outcomesIn(parser.parse(Buffer.from(body), MESSAGE))).toMatchObject({
      rejection: { reason: 'body_too_large' },
    });
  });
});

describe('PulseScanner', () => {
  test.each([
    ['compact', JSON.stringify(USUAL)],
    ['with spaces, as Python writes it', JSON.stringify(USUAL, null, 1).replaceAll('\n', '')],
    ['with lines and tabs', `\n${JSON.stringify(USUAL, null, '\t')}\r\n`],
    ['with a text amount', JSON.stringify({ ...USUAL, used_amount: '0.000000001' })],
    [
      'with the longest text amount',
      JSON.stringify({ ...USUAL, used_amount: '999999999999999.999999999' }),
    ],
    [
      'without a fraction of a second',
      JSON.stringify({ ...USUAL, timestamp: '2026-11-22T03:00:00Z' }),
    ],
    ['with an offset', JSON.stringify({ ...USUAL, timestamp: '2026-11-22T03:00:00.5+05:30' })],
    [
      'with names that are not ASCII',
      JSON.stringify({ ...USUAL, tenant: 'Ærø', product_sku: '😀' }),
    ],
    [
      'with escapes',
      JSON.stringify({ ...USUAL, tenant: 'a"b', product_sku: 'a\\b' }).replace('GB', '\\u0047B'),
    ],
    [
      'with the longest texts',
      JSON.stringify({
        ...USUAL,
        tenant: '😀'.repeat(TENANT_LENGTH_MAX),
        use_unity: 'y'.repeat(UNIT_LENGTH_MAX),
      }),
    ],
  ])('reads the usual pulse %s', (_, body) => {
    expect(scan(body)).toMatchObject({ id: 'p-1' });
    expect(scan(body)).toEqual(parseAnyBody(Buffer.from(body), MESSAGE, BODY_LIMITS));
  });

  test.each(['é', 'a"b', 'x'.repeat(ID_LENGTH_MAX), '\u0000', '😀'.repeat(ID_LENGTH_MAX)])(
    'reads the id %j',
    (id) => {
      expect(scan(JSON.stringify({ ...USUAL, id }))).toMatchObject({ id });
      expect(scan(JSON.stringify([USUAL, { ...USUAL, id }]))).toMatchObject([
        { id: 'p-1' },
        { id },
      ]);
    },
  );

  test('takes an id and a time from the message', () => {
    const body = JSON.stringify({ ...USUAL, id: undefined, timestamp: undefined });
    const facts = { fallbackId: 'm', fallbackTimeMs: NOW_MS - 5 } as object;
    expect(scan(body, facts)).toMatchObject({ id: 'm', usedAtMs: NOW_MS - 5 });
    expect(scan(`[${body},${body}]`, facts)).toMatchObject([{ id: 'm#0' }, { id: 'm#1' }]);
    expect(scan(body)).toMatchObject({ id: undefined });
  });

  test('reads an array up to the limit of its length', () => {
    const many = (count: number) => JSON.stringify(Array.from({ length: count }, () => USUAL));
    expect(scan(many(ARRAY_LENGTH_MAX))).toHaveLength(ARRAY_LENGTH_MAX);
    expect(scan(many(ARRAY_LENGTH_MAX + 1))).toBeUndefined();
  });

  test.each(['tenant', 'product_sku', 'use_unity', 'used_amount'])(
    'leaves a pulse without %s to the general parser',
    (name) => {
      expect(scan(JSON.stringify({ ...USUAL, [name]: undefined }))).toBeUndefined();
    },
  );

  test('leaves a pulse that is too old or too far in the future to the general parser', () => {
    const at = (ms: number) =>
      scan(JSON.stringify({ ...USUAL, timestamp: new Date(ms).toISOString() }));
    expect(at(FACTS.earliestMs)).toBeDefined();
    expect(at(FACTS.earliestMs - 1)).toBeUndefined();
    expect(at(FACTS.latestMs)).toBeDefined();
    expect(at(FACTS.latestMs + 1)).toBeUndefined();
  });
});

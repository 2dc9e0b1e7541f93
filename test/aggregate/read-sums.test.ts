import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LiveSums } from '../../src/aggregate/live-sums.ts';
import { fieldEnd, KEY_HEADER_BYTES, windowStartOf } from '../../src/aggregate/packed-key.ts';
import { readSums } from '../../src/aggregate/read-sums.ts';
import { toSumField, toSumValue } from '../../src/aggregate/sum-field.ts';
import { arbitraryKeyText, arbitraryNanos, toAmount } from '../support/pulses.ts';

const arbitrarySum = fc
  .record({
    tenant: arbitraryKeyText(128),
    sku: arbitraryKeyText(128),
    unit: arbitraryKeyText(64),
    hours: fc.integer({ min: 400_000, max: 400_003 }),
    pulseCount: fc.nat(),
    high: fc.nat(1_000),
    nanos: arbitraryNanos,
  })
  .map(({ hours, pulseCount, high, nanos, ...names }) => ({
    key: { ...names, windowStartSec: hours * 3_600 },
    pulseCount,
    amount: { high, ...toAmount(nanos) },
  }));

test('every sum is read as it was written', () => {
  fc.assert(
    fc.property(fc.array(arbitrarySum, { maxLength: 20 }), (all) => {
      const text = all
        .map(
          ({ key, pulseCount, amount }) => `${toSumField(key)}\t${toSumValue(pulseCount, amount)}`,
        )
        .join('\t');
      const { view, keysAt, sums } = readSums(Buffer.from(text));
      expect(sums).toEqual(all.map(({ pulseCount, amount }) => ({ pulseCount, amount })));
      const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
      const keys = Array.from(keysAt, (at) => ({
        field: bytes.toString('utf8', at + KEY_HEADER_BYTES, fieldEnd(view, at)),
        windowStartSec: windowStartOf(view, at),
      }));
      expect(keys).toEqual(
        all.map(({ key }) => ({ field: toSumField(key), windowStartSec: key.windowStartSec })),
      );
    }),
  );
});

test.each([
  'x',
  'a\tb\tc\t2026-11-29T16:00:00Z\t1',
  'a\tb\tc\tnever\t1\t1',
  'a\tb\tc\t2026-11-29T16:00:00Z\tx\t1',
])('anything else is refused: %j', (text) => {
  expect(() => readSums(Buffer.from(text))).toThrow(RangeError);
});

test('no sums are none', () => {
  const sums = new LiveSums();
  sums.load(readSums(Buffer.alloc(0)));
  expect(sums.changedCount).toBe(0);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchFold, type FoldedBatch } from '../../src/aggregate/batch-fold.ts';
import { FINGERPRINT_BYTES, writeFingerprint } from '../../src/aggregate/fingerprint.ts';
import { toField } from '../../src/aggregate/keys.ts';
import { readSum, SUM_BYTES } from '../../src/aggregate/sum-codec.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import { SKU_LENGTH_MAX, TENANT_LENGTH_MAX, UNIT_LENGTH_MAX } from '../../src/contract/rules.ts';
import {
  arbitraryKeyText,
  arbitraryNanos,
  parsedPulse,
  toAmount,
  toNanos,
} from '../support/pulses.ts';

function fold(pulses: readonly Pulse[]): FoldedBatch {
  const batch = new BatchFold('secret');
  for (const pulse of pulses) batch.add(pulse);
  return batch.fold();
}

/** Decodes a MessagePack array of strings, independently of the encoder. */
function unpackStrings(packed: Buffer): string[] {
  expect(packed[0]).toBe(0xdd);
  const texts: string[] = [];
  let at = 5;
  for (let index = 0; index < packed.readUInt32BE(1); index++) {
    expect(packed[at]).toBe(0xda);
    const end = at + 3 + packed.readUInt16BE(at + 1);
    texts.push(packed.toString('utf8', at + 3, end));
    at = end;
  }
  expect(at).toBe(packed.length);
  return texts;
}

function sumsOf(folded: FoldedBatch): Map<string, { nanos: bigint; count: number }> {
  const fields = unpackStrings(folded.fields);
  expect(folded.sums.length).toBe(fields.length * SUM_BYTES);
  return new Map(
    fields.map((field, index) => {
      const { amount, pulseCount } = readSum(folded.sums.subarray(index * SUM_BYTES));
      return [field, { nanos: toNanos(amount), count: pulseCount }];
    }),
  );
}

const arbitraryPulse = fc
  .record({
    tenant: fc.oneof(fc.constantFrom('a', 'b'), arbitraryKeyText(TENANT_LENGTH_MAX)),
    sku: fc.constantFrom('s', 'a:b'),
    unit: fc.constantFrom('u'),
    hours: fc.integer({ min: 400_000, max: 400_003 }),
    nanos: arbitraryNanos,
    id: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  })
  .map(({ hours, nanos, ...rest }) => ({
    ...rest,
    amount: toAmount(nanos),
    windowStartSec: hours * 3_600,
  }));

describe('BatchFold', () => {
  test('the sums of any batch are exact, and each key has one', () => {
    fc.assert(
      fc.property(fc.array(arbitraryPulse, { maxLength: 60 }), (pulses) => {
        const expected = new Map<string, { nanos: bigint; count: number }>();
        for (const pulse of pulses) {
          const sum = expected.get(toField(pulse)) ?? { nanos: 0n, count: 0 };
          expected.set(toField(pulse), {
            nanos: sum.nanos + toNanos(pulse.amount),
            count: sum.count + 1,
          });
        }
        expect(sumsOf(fold(pulses))).toEqual(expected);
      }),
    );
  });

  test('each pulse can be subtracted from its sum, because key, amount and id are packed too', () => {
    fc.assert(
      fc.property(fc.array(arbitraryPulse, { maxLength: 30 }), (pulses) => {
        const { fields, pulses: packed, ids, pulseCount } = fold(pulses);
        const names = unpackStrings(fields);
        expect(pulseCount).toBe(pulses.length);
        expect(packed.length).toBe(16 * pulses.length);
        expect(ids.length).toBe(FINGERPRINT_BYTES * pulses.length);
        for (const [index, pulse] of pulses.entries()) {
          expect(names[packed.readUInt32LE(index * 16)]).toBe(toField(pulse));
          const whole = packed.readDoubleLE(index * 16 + 4);
          expect({ whole, nano: packed.readUInt32LE(index * 16 + 12) }).toEqual(pulse.amount);
          const place = ids.subarray(index * FINGERPRINT_BYTES, (index + 1) * FINGERPRINT_BYTES);
          if (pulse.id === undefined) expect(place[0]).toBe(0x20);
          else {
            const expected = Buffer.alloc(FINGERPRINT_BYTES);
            writeFingerprint(expected, 0, { secret: 'secret', tenant: pulse.tenant, id: pulse.id });
            expect(place.equals(expected)).toBe(true);
          }
        }
      }),
    );
  });

  test('the range of windows is from the earliest to the latest pulse', () => {
    const at = (windowStartSec: number) => parsedPulse({ windowStartSec });
    expect(fold([at(7_200), at(3_600), at(10_800)])).toMatchObject({
      windowMinSec: 3_600,
      windowMaxSec: 10_800,
    });
  });

  test('the longest keys of the widest characters fit', () => {
    const wide = (length: number) => '😀'.repeat(length);
    const pulse = parsedPulse({
      tenant: wide(TENANT_LENGTH_MAX),
      sku: wide(SKU_LENGTH_MAX),
      unit: wide(UNIT_LENGTH_MAX),
    });
    expect([...sumsOf(fold([pulse])).keys()]).toEqual([toField(pulse)]);
  });

  test('a batch of any size keeps every pulse and fingerprint', () => {
    const pulses = Array.from({ length: 1_500 }, (_, index) => parsedPulse({ id: `id-${index}` }));
    const folded = fold(pulses);
    expect(folded.pulseCount).toBe(1_500);
    expect(folded.ids).toEqual(Buffer.concat(pulses.map((pulse) => fold([pulse]).ids)));
    expect([...sumsOf(folded).values()].map(({ count }) => count)).toEqual([1_500]);
  });

  test('an empty batch packs to nothing', () => {
    const folded = fold([]);
    expect(folded.pulseCount).toBe(0);
    expect([folded.ids.length, folded.pulses.length, folded.sums.length]).toEqual([0, 0, 0]);
    expect(unpackStrings(folded.fields)).toEqual([]);
  });
});

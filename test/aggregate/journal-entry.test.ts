import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EntryWriter, readEntry } from '../../src/aggregate/journal-entry.ts';
import { ID_BYTES, IdFingerprints } from '../../src/aggregate/id-fingerprint.ts';
import {
  bucketOf,
  fromSumField,
  fromSumValue,
  SUM_BUCKETS,
  toSumField,
  toSumValue,
} from '../../src/aggregate/sum-field.ts';
import { createKeySlots } from '../../bench/key-slots.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import { formatAmount, parseSum, subtractSum } from '../../src/core/amount.ts';
import {
  arbitraryKeyText,
  arbitraryNanos,
  parsedPulse,
  toAmount,
  toNanos,
} from '../support/pulses.ts';

const fingerprints = new IdFingerprints('secret');

function writerOf(pulses: readonly Pulse[], slotOf = createKeySlots()): EntryWriter {
  const writer = new EntryWriter(fingerprints);
  for (const pulse of pulses) writer.add(pulse, slotOf(pulse));
  return writer;
}

const arbitraryPulse: fc.Arbitrary<Pulse> = fc
  .record({
    tenant: arbitraryKeyText(128),
    sku: arbitraryKeyText(128),
    unit: arbitraryKeyText(64),
    nanos: arbitraryNanos,
    hours: fc.integer({ min: 400_000, max: 600_000 }),
    id: fc.option(fc.string({ minLength: 1, maxLength: 20 }), { nil: undefined }),
  })
  .map(({ nanos, hours, ...pulse }) => ({
    ...pulse,
    amount: toAmount(nanos),
    windowStartSec: hours * 3_600,
  }));

test('an entry has every pulse as it was added', () => {
  fc.assert(
    fc.property(fc.array(arbitraryPulse, { maxLength: 600 }), (pulses) => {
      const entry = readEntry(writerOf(pulses).toEntry());
      expect(entry.pulseCount).toBe(pulses.length);
      for (const [index, pulse] of pulses.entries()) {
        const key = entry.keys[entry.pulses.getUint32(index * 16, true)];
        const field = Buffer.from(key?.field ?? '', 'latin1').toString('utf8');
        const { tenant, sku, unit, windowStartSec } = pulse;
        expect(fromSumField(field)).toEqual({ tenant, sku, unit, windowStartSec });
        expect(key?.windowStartSec).toBe(windowStartSec);
        expect(entry.pulses.getFloat64(index * 16 + 4, true)).toBe(pulse.amount.whole);
        expect(entry.pulses.getUint32(index * 16 + 12, true)).toBe(pulse.amount.nano);
        const id = Buffer.alloc(ID_BYTES);
        if (pulse.id !== undefined) fingerprints.write(id, 0, tenant, pulse.id);
        expect(entry.ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES)).toEqual(id);
      }
    }),
    { numRuns: 50 },
  );
});

test('keys are kept from entry to entry, and two entries that use them in turn stay right', () => {
  const slotOf = createKeySlots();
  const first = writerOf([parsedPulse({ id: '1' })], slotOf);
  const other = parsedPulse({ sku: 'other' });
  const second = writerOf([other, parsedPulse(), other], slotOf);
  first.add(other, slotOf(other));
  first.add(parsedPulse(), slotOf(parsedPulse()));
  expect(skusOf(first)).toEqual(['vm.small', 'other', 'vm.small']);
  expect(skusOf(second)).toEqual(['other', 'vm.small', 'other']);
  expect(readEntry(second.toEntry()).keys).toHaveLength(2);
  expect(second.withoutIdCount).toBe(3);
});

/** Of each pulse, in their order. */
function skusOf(writer: EntryWriter): (string | undefined)[] {
  const { pulseCount, pulses, keys } = readEntry(writer.toEntry());
  return Array.from(
    { length: pulseCount },
    (_, index) => keys[pulses.getUint32(index * 16, true)]?.field.split('\t')[1],
  );
}

test('no bytes but those of an entry are read', () => {
  const pulses = Array.from({ length: 20 }, (_, index) =>
    parsedPulse({ sku: `sku-${index % 3}`, id: `${index}` }),
  );
  const bytes = writerOf(pulses).toEntry();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), (length) => {
      expect(() => readEntry(bytes.subarray(0, length))).toThrow(
        'not one that this build can read',
      );
    }),
  );
  expect(() => readEntry(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow('build can read');
  const wrongKey = Buffer.from(bytes);
  wrongKey.writeUInt32LE(3, 8 + 20 * ID_BYTES);
  expect(() => readEntry(wrongKey)).toThrow('build can read');
});

test('the text of a sum is read as it was written, and sums of one tenant are in one bucket', () => {
  fc.assert(
    fc.property(arbitraryPulse, arbitraryPulse, fc.nat(), (pulse, other, count) => {
      const { tenant, sku, unit, windowStartSec } = pulse;
      expect(fromSumField(toSumField(pulse))).toEqual({ tenant, sku, unit, windowStartSec });
      const bucket = bucketOf(toSumField(pulse));
      expect(bucket).toBe(bucketOf(toSumField({ ...other, tenant })));
      expect(bucket >= 0 && bucket < SUM_BUCKETS).toBe(true);
      const amount = { high: count, ...pulse.amount };
      expect(fromSumValue(toSumValue(count, amount))).toEqual({ pulseCount: count, amount });
    }),
  );
  expect(toSumField(parsedPulse({ tenant: 'a\\b' }))).toBe(
    'a\\\\b\tvm.small\thours\t2025-11-22T03:00:00Z',
  );
  for (const text of ['', '1', 'x\t1', '1\tx', '1.5\t1', '-1\t1', '1\t1.1234567890']) {
    expect(() => fromSumValue(text)).toThrow(RangeError);
  }
});

test('sums subtract exactly', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 36n }),
      fc.bigInt({ min: 0n, max: 10n ** 36n }),
      (one, two) => {
        const [large, small] = one > two ? [one, two] : [two, one];
        const sumOf = (nanos: bigint) => ({
          high: Number(nanos / 10n ** 24n),
          ...toAmount(nanos % 10n ** 24n),
        });
        expect(toNanos(subtractSum(sumOf(large), sumOf(small)))).toBe(large - small);
        expect(parseSum(formatAmount(sumOf(large)))).toEqual(sumOf(large));
      },
    ),
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EntryWriter, PULSE_BYTES } from '../../src/aggregate/journal-entry.ts';
import { ID_BYTES, IdFingerprints } from '../../src/aggregate/id-fingerprint.ts';
import { fieldEnd, KEY_HEADER_BYTES, windowStartOf } from '../../src/aggregate/packed-key.ts';
import {
  keyIndexOf,
  nanoOf,
  readEntry,
  wholeOf,
  type JournalEntry,
} from '../../src/aggregate/read-entry.ts';
import {
  bucketOf,
  fromSumField,
  fromSumValue,
  SUM_BUCKETS,
  toSumField,
  toSumValue,
} from '../../src/aggregate/sum-field.ts';
import { createEntryKeys } from '../../bench/entry-keys.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import { addSum, formatAmount, parseSum } from '../../src/core/amount.ts';
import {
  arbitraryKeyText,
  arbitraryNanos,
  parsedPulse,
  toAmount,
  toNanos,
} from '../support/pulses.ts';

const fingerprints = new IdFingerprints('secret');

function writerOf(pulses: readonly Pulse[], keyOf = createEntryKeys()): EntryWriter {
  const writer = new EntryWriter(fingerprints);
  for (const pulse of pulses) writer.add(pulse, keyOf(pulse));
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
        const { view, pulsesAt } = entry;
        const pulseAt = pulsesAt + index * PULSE_BYTES;
        const key = keysOf(entry)[keyIndexOf(view, pulseAt)];
        const { tenant, sku, unit, windowStartSec } = pulse;
        expect(fromSumField(key?.field ?? '')).toEqual({ tenant, sku, unit, windowStartSec });
        expect(key?.windowStartSec).toBe(windowStartSec);
        expect(wholeOf(view, pulseAt)).toBe(pulse.amount.whole);
        expect(nanoOf(view, pulseAt)).toBe(pulse.amount.nano);
        const id = Buffer.alloc(ID_BYTES);
        if (pulse.id !== undefined) fingerprints.write(id, 0, tenant, pulse.id);
        expect(entry.ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES)).toEqual(id);
      }
    }),
    { numRuns: 50 },
  );
});

test('keys are kept from entry to entry, and two entries that use them in turn stay right', () => {
  const keyOf = createEntryKeys();
  const first = writerOf([parsedPulse({ id: '1' })], keyOf);
  const other = parsedPulse({ sku: 'other' });
  const second = writerOf([other, parsedPulse(), other], keyOf);
  first.add(other, keyOf(other));
  first.add(parsedPulse(), keyOf(parsedPulse()));
  expect(skusOf(first)).toEqual(['vm.small', 'other', 'vm.small']);
  expect(skusOf(second)).toEqual(['other', 'vm.small', 'other']);
  expect(keysOf(readEntry(second.toEntry()))).toHaveLength(2);
  expect(second.withoutIdCount).toBe(3);
});

/** Of each pulse, in their order. */
function skusOf(writer: EntryWriter): (string | undefined)[] {
  const entry = readEntry(writer.toEntry());
  const keys = keysOf(entry);
  return Array.from({ length: entry.pulseCount }, (_, index) => {
    const key = keys[keyIndexOf(entry.view, entry.pulsesAt + index * PULSE_BYTES)];
    return key?.field.split('\t')[1];
  });
}

/** Of three keys. */
function twentyPulses(): Pulse[] {
  return Array.from({ length: 20 }, (_, index) =>
    parsedPulse({ sku: `sku-${index % 3}`, id: `${index}` }),
  );
}

test('no bytes but those of an entry are read', () => {
  const bytes = writerOf(twentyPulses()).toEntry();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), (length) => {
      expect(() => readEntry(bytes.subarray(0, length))).toThrow(
        'not one that this build can read',
      );
    }),
  );
  expect(() => readEntry(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow('build can read');
});

test('an entry whose pulses have no key, or no amount, is not read', () => {
  const bytes = writerOf(twentyPulses()).toEntry();
  const lastPulseAt = 8 + 20 * ID_BYTES + 19 * PULSE_BYTES;
  const damages: ((entry: Buffer) => void)[] = [
    (entry) => entry.writeUInt32LE(3, lastPulseAt),
    ...[NaN, Infinity, -1, 0.5, 10 ** 15].map(
      (whole) => (entry: Buffer) => entry.writeDoubleLE(whole, lastPulseAt + 4),
    ),
    (entry) => entry.writeUInt32LE(10 ** 9, lastPulseAt + 12),
    // Counts whose pulses or keys would take more memory than there is.
    (entry) => entry.writeUInt32LE(2 ** 32 - 1, 0),
    (entry) => entry.writeUInt32LE(2 ** 32 - 1, 4),
  ];
  for (const damage of damages) {
    const damaged = Buffer.from(bytes);
    damage(damaged);
    expect(() => readEntry(damaged), String(damage)).toThrow('build can read');
  }
  expect(readEntry(bytes).pulseCount).toBe(20);
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

test('sums of any size add exactly, and their text is read as it was written', () => {
  const anySum = fc.bigInt({ min: 0n, max: 10n ** 36n });
  fc.assert(
    fc.property(anySum, anySum, (one, other) => {
      const sumOf = (nanos: bigint) => ({
        high: Number(nanos / 10n ** 24n),
        ...toAmount(nanos % 10n ** 24n),
      });
      const sum = sumOf(one);
      addSum(sum, sumOf(other));
      expect(toNanos(sum)).toBe(one + other);
      expect(parseSum(formatAmount(sumOf(one)))).toEqual(sumOf(one));
    }),
  );
});

function keysOf({ view, keysAt }: JournalEntry) {
  return Array.from(keysAt, (keyAt) => {
    const from = view.byteOffset + keyAt + KEY_HEADER_BYTES;
    const bytes = Buffer.from(view.buffer, from, fieldEnd(view, keyAt) - keyAt - KEY_HEADER_BYTES);
    return { field: bytes.toString('utf8'), windowStartSec: windowStartOf(view, keyAt) };
  });
}

/** The sums in memory against sums of BigInt, through commits and seals in any order. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSums } from '../../src/aggregate/read-sums.ts';
import { LiveSums, type ChangedSums } from '../../src/aggregate/live-sums.ts';
import { packKey } from '../../src/aggregate/packed-key.ts';
import {
  fromSumField,
  fromSumValue,
  toSumField,
  toSumValue,
} from '../../src/aggregate/sum-field.ts';
import { parsedPulse, toAmount, toNanos } from '../support/pulses.ts';
import { unpackSums } from '../support/unpack-sums.ts';

const HOUR = 3_600;

/** A key has one of some windows. */
function fieldOf(key: number): string {
  const windowStartSec = (490_000 + (key % 3)) * HOUR;
  return toSumField(parsedPulse({ tenant: `t${key % 40}`, sku: `s${key}`, windowStartSec }));
}

function addTo(sums: LiveSums, key: number, nanos: bigint): void {
  const { whole, nano } = toAmount(nanos);
  const view = viewOf(keyOf(key));
  sums.add(sums.slotsOf(view, Float64Array.of(0))[0] ?? -1, whole, nano);
}

function keyOf(key: number): Buffer {
  const field = fieldOf(key);
  return packKey(Buffer.from(field), fromSumField(field).windowStartSec);
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

type Sums = Map<string, { count: number; nanos: bigint }>;

function addToModel(model: Sums, key: number, nanos: bigint): void {
  const { count, nanos: before } = model.get(fieldOf(key)) ?? { count: 0, nanos: 0n };
  model.set(fieldOf(key), { count: count + 1, nanos: before + nanos });
}

/** What Redis does with a commit. */
function write(redis: Sums, { buckets }: ChangedSums): void {
  expect(new Set(buckets.map(({ bucket }) => bucket)).size).toBe(buckets.length);
  for (const [field, value] of buckets.flatMap(({ packed }) => unpackSums(packed))) {
    const { pulseCount, amount } = fromSumValue(value);
    expect(value, 'the shortest text').toBe(toSumValue(pulseCount, amount));
    redis.set(field, { count: pulseCount, nanos: toNanos(amount) });
  }
}

function expectHeader({ amount, windowMinSec, windowMaxSec }: ChangedSums, model: Sums): void {
  const all = [...model.values()];
  expect(toNanos(amount)).toBe(all.reduce((sum, { nanos }) => sum + nanos, 0n));
  const windows = [...model.keys()].map((field) => fromSumField(field).windowStartSec);
  expect([windowMinSec, windowMaxSec]).toEqual([Math.min(...windows), Math.max(...windows)]);
}

const arbitraryStep = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      key: fc.nat(300),
      nanos: fc.oneof(
        fc.bigInt({ min: 1n, max: 10n ** 24n - 1n }),
        fc.constantFrom(1n, 500_000_000n, 10n ** 9n, 10n ** 24n - 1n),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom('commit' as const, 'seal' as const) },
);

test('commits write the absolute sums, and a seal keeps what was not committed', () => {
  fc.assert(
    fc.property(fc.array(arbitraryStep, { minLength: 20, maxLength: 400 }), (steps) => {
      const sums = new LiveSums();
      let redis: Sums = new Map();
      let model: Sums = new Map();
      let open: { key: number; nanos: bigint }[] = [];
      for (const step of [...steps, 'commit' as const]) {
        if (step === 'commit') {
          const changes = sums.changes();
          write(redis, changes);
          expect(redis).toEqual(model);
          expectHeader(changes, model);
          sums.committed(changes);
          open = [];
        } else if (step === 'seal') {
          sums.sealed();
          redis = new Map();
          model = new Map();
          for (const { key, nanos } of open) addToModel(model, key, nanos);
        } else {
          addTo(sums, step.key, step.nanos);
          addToModel(model, step.key, step.nanos);
          open.push(step);
        }
        expect(sums.changedCount).toBe(new Set(open.map(({ key }) => key)).size);
      }
    }),
    { numRuns: 60 },
  );
});

test('sums that were loaded from Redis go on', () => {
  const sums = new LiveSums({
    batchId: 'one',
    amount: { high: 5, whole: 999_999_999_999_999, nano: 999_999_999 },
    windowMinSec: 0,
    windowMaxSec: 0,
  });
  const text = `${fieldOf(1)}\t12345678901\t5999999999999999.999999999`;
  // A scan gives some sums twice.
  for (let time = 0; time < 2; time++) sums.load(readSums(Buffer.from(text)));
  expect(sums.changes().buckets).toEqual([]);
  addTo(sums, 1, 1n);
  const changes = sums.changes();
  expect(changes).toMatchObject({ expectedBatchId: 'one', batchId: 'one' });
  expect(changes.amount).toEqual({ high: 6, whole: 0, nano: 0 });
  expect(changes.buckets.flatMap(({ packed }) => unpackSums(packed))).toEqual([
    [fieldOf(1), '12345678902\t6000000000000000'],
  ]);
});

test('keys without a counted pulse are not written, and begin no batch', () => {
  const sums = new LiveSums();
  sums.slotsOf(viewOf(keyOf(1)), Float64Array.of(0));
  expect(sums.changes()).toMatchObject({ batchId: '', expectedBatchId: '', buckets: [] });
  expect(sums.changedCount).toBe(0);
});

test('a bucket takes any number of sums', () => {
  const sums = new LiveSums();
  const model: Sums = new Map();
  for (let key = 0; key < 40_000; key += 40) {
    addTo(sums, key, BigInt(1 + key));
    addToModel(model, key, BigInt(1 + key));
  }
  const changes = sums.changes();
  expect(changes.buckets).toHaveLength(1);
  const redis: Sums = new Map();
  write(redis, changes);
  expect(redis).toEqual(model);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Pulse } from '../../src/contract/pulse.ts';
import { TENANT_LENGTH_MAX } from '../../src/contract/rules.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { arbitraryKeyText, arbitraryNanos, parsedPulse, toAmount } from '../support/pulses.ts';
import {
  applyAll,
  createTestAccumulator,
  Oracle,
  sealAndRead,
  useRedis,
} from './aggregate-fixture.ts';

let redis: RedisClient;

useRedis((opened) => {
  redis = opened;
});

const arbitraryId = fc.option(
  fc.oneof(fc.constantFrom('p-1', 'p-2', 'p-3', 'p-4', 'p-5'), fc.uuid()),
  { nil: undefined },
);

/** Few tenants, so that keys and ids repeat. The SKU depends on the id, because an id is one pulse. */
function arbitraryPulses(nanos: fc.Arbitrary<bigint>): fc.Arbitrary<Pulse[]> {
  const tenants = fc.oneof(
    fc.constantFrom('a', 'b', 'a:b|c"😀', '{1}'),
    arbitraryKeyText(TENANT_LENGTH_MAX),
  );
  return fc.array(
    fc
      .record({ tenant: tenants, nanos, id: arbitraryId, hours: fc.integer({ min: 1, max: 3 }) })
      .map(({ tenant, nanos, id, hours }) => ({
        tenant,
        sku: `sku-${id ?? 'none'}`.slice(0, 7),
        unit: 'u',
        id,
        amount: toAmount(nanos),
        windowStartSec: (490_000 + hours) * 3_600,
      })),
    { maxLength: 80 },
  );
}

/** Cuts a list at random places. */
function split<T>(list: readonly T[], cuts: readonly number[]): T[][] {
  const places = [...new Set(cuts.map((cut) => cut % (list.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => list.slice(from, places[index] ?? list.length));
}

async function expectExact(
  pulses: readonly Pulse[],
  { cuts, shards }: { cuts: readonly number[]; shards: number },
): Promise<void> {
  await redis.flushdb();
  const accumulator = createTestAccumulator(redis, shards);
  const oracle = new Oracle();
  const total = { counted: 0, duplicates: 0 };
  for (const batch of split(pulses, cuts)) {
    // A batch is applied shard by shard, but in this test no key and no id is in two shards.
    for (const pulse of batch) oracle.take(pulse);
    const { counted, duplicates } = await applyAll({ accumulator, redis }, batch);
    total.counted += counted;
    total.duplicates += duplicates;
  }
  expect(total).toEqual({
    counted: oracle.counted,
    duplicates: oracle.duplicates,
  });
  expect(await sealAndRead(accumulator)).toEqual(oracle.sums);
}

const cutsArbitrary = fc.array(fc.nat(1_000), { maxLength: 5 });

test('for any pulses in any batches, every pulse is counted once and every sum is exact', async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryPulses(arbitraryNanos),
      cutsArbitrary,
      fc.constantFrom(1, 2, 3, 7),
      (pulses, cuts, shards) => expectExact(pulses, { cuts, shards }),
    ),
    { numRuns: 150 },
  );
});

test('more keys than one call of HSET takes are summed exactly', async () => {
  const pulses = Array.from({ length: 11_000 }, (_, index) =>
    parsedPulse({ tenant: `t-${index % 7_001}`, id: String(index % 10_500) + 'x' }),
  );
  await expectExact(
    pulses.map((pulse) => ({ ...pulse, tenant: `t-${pulse.id ?? ''}` })),
    { cuts: [], shards: 1 },
  );
});

test('ten thousand pulses of the largest amount are summed exactly, far beyond int64', async () => {
  const pulses = Array.from({ length: 10_000 }, (_, index) =>
    parsedPulse({ id: `p-${index}`, amount: toAmount(10n ** 24n - 1n) }),
  );
  await expectExact(pulses, { cuts: [], shards: 1 });
  await expectExact(pulses, { cuts: [4_000, 9_000], shards: 1 });
});

test('a sum that grows in every digit over a hundred batches carries each time', async () => {
  const pulses = Array.from({ length: 200 }, (_, index) =>
    parsedPulse({ id: `p-${index}`, amount: toAmount(10n ** 24n - 1n - BigInt(index)) }),
  );
  await expectExact(pulses, { cuts: Array.from({ length: 100 }, (_, cut) => cut * 2), shards: 1 });
});

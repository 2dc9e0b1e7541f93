import fc from 'fast-check';
import { expect, test } from 'vitest';
import { REJECTION_REASONS } from '../../src/contract/rejection.ts';
import { PAIRS_MAX } from '../../src/ingest/unsubscribed-usage.ts';
import { addCounts, noCounts, type IngestCounts } from '../../src/ingest/thread-messages.ts';

function usagesOf(
  pulseCounts: Readonly<Record<string, number>>,
): IngestCounts['unsubscribedUsages'] {
  return new Map(
    Object.entries(pulseCounts).map(([sku, pulseCount]) => [
      `acme\n${sku}`,
      { tenant: 'acme', sku, pulseCount },
    ]),
  );
}

const arbitraryCounts: fc.Arbitrary<IngestCounts> = fc.record({
  deliveries: fc.nat(1_000),
  batches: fc.nat(1_000),
  received: fc.nat(1_000),
  appended: fc.nat(1_000),
  redeliveredWithoutId: fc.nat(1_000),
  deadLettered: fc.dictionary(fc.constantFrom(...REJECTION_REASONS), fc.nat(1_000)),
  unsubscribed: fc.nat(1_000),
  unverified: fc.nat(1_000),
  unsubscribedUsages: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.nat(1_000)).map(usagesOf),
  busySeconds: fc.nat(1_000),
  batchPulses: fc.array(fc.nat(1_000)),
  applySeconds: fc.array(fc.nat(1_000)),
  ackLagSeconds: fc.array(fc.nat(1_000)),
});

test('counts of many batches add up field by field and reason by reason', () => {
  fc.assert(
    fc.property(fc.array(arbitraryCounts), (batches) => {
      const total = noCounts();
      for (const counts of batches) addCounts(total, counts);
      const sum = (of: (counts: IngestCounts) => number) =>
        batches.reduce((running, counts) => running + of(counts), 0);
      const { deadLettered, unsubscribedUsages, ...others } = total;
      const { batchPulses, applySeconds, ackLagSeconds, ...numbers } = others;
      for (const [name, samples] of Object.entries({ batchPulses, applySeconds, ackLagSeconds })) {
        const all = batches.flatMap((counts) => counts[name as 'applySeconds']);
        expect(samples, name).toEqual(all);
      }
      for (const name of Object.keys(numbers) as (keyof typeof numbers)[]) {
        expect(numbers[name], name).toBe(sum((counts) => counts[name]));
      }
      for (const reason of REJECTION_REASONS) {
        expect(deadLettered[reason] ?? 0).toBe(sum((counts) => counts.deadLettered[reason] ?? 0));
      }
      for (const sku of ['a', 'b', 'c']) {
        const countOf = ({
          unsubscribedUsages: usages,
        }: Pick<IngestCounts, 'unsubscribedUsages'>) => usages.get(`acme\n${sku}`)?.pulseCount ?? 0;
        expect(countOf({ unsubscribedUsages })).toBe(sum(countOf));
      }
    }),
  );
});

test('names of tenants and SKUs beyond the limit are not kept', () => {
  const total = noCounts();
  const usages = Array.from({ length: PAIRS_MAX.total + 5 }, (_, index) => {
    const tenant = `tenant-${index}`;
    return [`${tenant}\nvm`, { tenant, sku: 'vm', pulseCount: 1 }] as const;
  });
  const more = { ...noCounts(), unsubscribedUsages: new Map(usages) };
  addCounts(total, more);
  addCounts(total, more);
  expect(total.unsubscribedUsages.size).toBe(PAIRS_MAX.total);
  expect(total.unsubscribedUsages.get('tenant-0\nvm')?.pulseCount).toBe(2);
});

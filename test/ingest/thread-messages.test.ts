import fc from 'fast-check';
import { expect, test } from 'vitest';
import { REJECTION_REASONS } from '../../src/contract/rejection.ts';
import { addCounts, noCounts, type IngestCounts } from '../../src/ingest/thread-messages.ts';

const arbitraryCounts: fc.Arbitrary<IngestCounts> = fc.record({
  deliveries: fc.nat(1_000),
  batches: fc.nat(1_000),
  received: fc.nat(1_000),
  counted: fc.nat(1_000),
  duplicates: fc.nat(1_000),
  redeliveredWithoutId: fc.nat(1_000),
  deadLettered: fc.dictionary(fc.constantFrom(...REJECTION_REASONS), fc.nat(1_000)),
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
      const { deadLettered, batchPulses, applySeconds, ackLagSeconds, ...numbers } = total;
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
    }),
  );
});

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { shardOf } from '../../src/aggregate/accumulator.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import { flushAll } from '../../src/flush/flush.ts';
import { readUsage } from '../../src/usage/read-usage.ts';
import { SHARDS, WINDOW_SEC } from '../flush/flush-fixture.ts';
import { createUsageFixture, EVERYTHING, type UsageFixture } from './usage-fixture.ts';

let fixture: UsageFixture;

beforeAll(async () => {
  fixture = await createUsageFixture();
});
afterAll(async () => {
  await fixture.close();
});
beforeEach(async () => {
  await fixture.reset();
});

const TENANTS = 40;
const shardOfTenant = (index: number) => shardOf(pulseOf(index, 0), SHARDS);

/** One pulse per tenant and round, so that a tenant's count shows which round an answer includes. */
function pulseOf(index: number, round: number): Pulse {
  return {
    tenant: `tenant-${String(index).padStart(2, '0')}`,
    sku: 'sku',
    unit: 'GB',
    windowStartSec: WINDOW_SEC + (round % 5) * 3_600,
    // The sum of the rounds 0 to n is (n + 1) (n + 2) / 2 and a nano for each.
    amount: { whole: round + 1, nano: 1 },
    id: `${round}-${index}`,
  };
}

function amountAfter(rounds: number): string {
  const whole = (rounds * (rounds + 1)) / 2;
  return `${whole}.${String(rounds).padStart(9, '0').replace(/0+$/, '')}`;
}

/**
 * Pulses are counted, batches flushed and queries answered at the same time. A correct answer has, in each shard, the
 * rounds of one moment: no earlier than the request, and no later than the answer.
 */
test(
  'every answer during ingest and flush matches one moment of the history',
  { timeout: 120_000 },
  async () => {
    const rounds = 250;
    let started = 0;
    let confirmed = 0;
    const ingest = async (): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        started = round + 1;
        await fixture.count(Array.from({ length: TENANTS }, (_, index) => pulseOf(index, round)));
        confirmed = round + 1;
      }
    };
    const flush = async (): Promise<void> => {
      while (confirmed < rounds) await flushAll(fixture);
    };
    let answers = 0;
    let provisional = 0;
    const ask = async (tenants?: readonly string[]): Promise<void> => {
      while (confirmed < rounds) {
        const atLeast = confirmed;
        const { rows, freshness } = await readUsage(fixture.usage, {
          ...EVERYTHING,
          groups: ['tenant', 'use_unity'],
          tenants,
        });
        const atMost = started;
        const seen = new Map<number, Set<number>>();
        for (const row of rows) {
          expect(row.used_amount).toBe(amountAfter(row.pulse_count));
          const shard = shardOfTenant(Number(row.tenant?.slice(-2)));
          seen.set(shard, (seen.get(shard) ?? new Set()).add(row.pulse_count));
        }
        if (atLeast > 0) expect(rows).toHaveLength(TENANTS);
        for (const counts of seen.values()) {
          const [count = 0, ...others] = counts;
          expect(others).toEqual([]);
          expect(count).toBeGreaterThanOrEqual(atLeast);
          expect(count).toBeLessThanOrEqual(atMost);
        }
        answers += 1;
        if (freshness.provisional) provisional += 1;
      }
    };
    const names = Array.from({ length: TENANTS }, (_, index) => pulseOf(index, 0).tenant);
    // One reader scans the sums in Redis, the other finds them by their tenants.
    await Promise.all([ingest(), flush(), flush(), ask(), ask(names)]);
    const { rows } = await readUsage(fixture.usage, EVERYTHING);
    expect(rows).toMatchObject([{ pulse_count: rounds * TENANTS }]);
    // Both cases occurred: with pulses in Redis, and with all of them flushed.
    expect(answers).toBeGreaterThan(20);
    expect(provisional).toBeGreaterThan(0);
  },
);

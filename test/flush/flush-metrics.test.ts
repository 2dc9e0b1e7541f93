import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { SealedBatch } from '../../src/aggregate/accumulator.ts';
import type { FlushStep } from '../../src/flush/flush-steps.ts';
import { createFlushMetrics } from '../../src/flush/flush-metrics.ts';

const batch = (batchId: string): SealedBatch => ({
  batchId,
  shard: 0,
  rowCount: 10,
  pulseCount: 100n,
  amount: '100',
  windowMinSec: 0,
  windowMaxSec: 0,
  openedAtSec: 0,
});

test('committed batches count even if the flush failed, but not those that another flush committed', async () => {
  const registry = new Registry();
  const metrics = createFlushMetrics(registry);
  const go = (id: string, ...steps: FlushStep[]): void => {
    for (const step of steps) metrics.step(step, batch(id));
  };
  go('mine', 'sealed', 'recorded', 'copied', 'checked', 'committed', 'discarded');
  go('of another', 'committed', 'discarded');
  go('rolled back', 'sealed', 'recorded', 'copied', 'checked');
  metrics.failed();
  const text = await registry.metrics();
  for (const line of [
    'pulse_flushed_batches_total 1',
    'pulse_flushed_rows_total 10',
    'pulse_flushed_pulses_total 100',
    'pulse_copied_rows_total 20',
    'pulse_flush_failures_total 1',
    'pulse_flushes_total 0',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
  expect(text).not.toMatch(/^pulse_flush_last_success_timestamp_seconds /m);
});

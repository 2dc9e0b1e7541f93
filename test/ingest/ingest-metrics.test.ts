import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { REJECTION_REASONS } from '../../src/contract/rejection.ts';
import { createIngestMetrics } from '../../src/ingest/ingest-metrics.ts';
import { noCounts, NOTHING_HELD } from '../../src/ingest/thread-messages.ts';

test('counts of all threads add up, and each batch is one observation', async () => {
  const registry = new Registry();
  const metrics = createIngestMetrics(registry, () => ({
    states: ['consuming', 'waiting'],
    held: [{ deliveries: 7, refused: 3, oldestSentAtMs: 1, oldestReceivedAtMs: 2 }, NOTHING_HELD],
  }));
  const text = await registry.metrics();
  for (const reason of REJECTION_REASONS) {
    expect(text).toContain(`pulse_dead_lettered_total{reason="${reason}"} 0\n`);
  }
  expect(text).toContain('pulse_admission_pulses_total{outcome="unsubscribed"} 0\n');
  const counts = { ...noCounts(), batches: 2, received: 30, appended: 29 };
  metrics.record({
    ...counts,
    deadLettered: { invalid_id: 1 },
    unsubscribed: 5,
    unverified: 6,
    batchPulses: [20, 10],
    applySeconds: [0.004, 0.3],
  });
  metrics.record({ ...counts, ackLagSeconds: [0.02], busySeconds: 0.5 });
  const after = await registry.metrics();
  for (const line of [
    'pulse_received_total 60',
    'pulse_appended_total 58',
    'pulse_batches_total 4',
    'pulse_dead_lettered_total{reason="invalid_id"} 1',
    'pulse_admission_pulses_total{outcome="unsubscribed"} 5',
    'pulse_admission_pulses_total{outcome="unverified"} 6',
    'pulse_batch_pulses_sum 30',
    'pulse_batch_pulses_count 2',
    'pulse_apply_seconds_bucket{le="0.005"} 1',
    'pulse_apply_seconds_count 2',
    'pulse_ack_lag_seconds_count 1',
    'pulse_ingest_busy_seconds_total 0.5',
    'pulse_ingest_threads{state="consuming"} 1',
    'pulse_held_deliveries 7',
    'pulse_held_refused_deliveries 3',
  ]) {
    expect(after).toContain(`${line}\n`);
  }
});

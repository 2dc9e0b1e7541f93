/** Prometheus metrics of the flushes of this process. */
import { Counter, type Registry } from 'prom-client';
import type { SealedBatch } from '../aggregate/accumulator.ts';
import { addSampledGauge } from '../platform/metrics.ts';
import type { FlushReport } from './flush.ts';
import type { FlushStep } from './flush-steps.ts';

export interface FlushMetrics {
  /** Called after every step, so that committed batches count even if the flush fails later. */
  step(step: FlushStep, batch: SealedBatch): void;
  succeeded(report: FlushReport): void;
  failed(): void;
}

export function createFlushMetrics(registry: Registry): FlushMetrics {
  const counters = createCounters(registry);
  let copyStartedMs = 0;
  let checkedBatchId: string | undefined;
  let last: { readonly endedAtMs: number; readonly seconds: number } | undefined;
  addSampledGauge(registry, {
    name: 'pulse_flush_last_success_timestamp_seconds',
    help: 'When a flush of this process last succeeded; absent before the first success.',
    read: () => (last === undefined ? undefined : last.endedAtMs / 1000),
  });
  addSampledGauge(registry, {
    name: 'pulse_flush_duration_seconds',
    help: 'Duration of the last successful flush of this process; absent before the first success.',
    read: () => last?.seconds,
  });
  return {
    step(step, batch) {
      if (step === 'recorded') copyStartedMs = performance.now();
      if (step === 'copied') {
        counters.copySeconds.inc((performance.now() - copyStartedMs) / 1000);
        counters.copiedRows.inc(batch.rowCount);
      }
      if (step === 'checked') checkedBatchId = batch.batchId;
      // Not checked: a batch that another flush had committed.
      if (step === 'committed' && checkedBatchId === batch.batchId) {
        counters.batches.inc();
        counters.rows.inc(batch.rowCount);
        counters.pulses.inc(Number(batch.pulseCount));
      }
    },
    succeeded({ seconds, leftoverCount }) {
      last = { endedAtMs: Date.now(), seconds };
      counters.leftovers.inc(leftoverCount);
      counters.flushes.inc();
    },
    failed() {
      counters.failures.inc();
    },
  };
}

function createCounters(registry: Registry) {
  const counter = (name: string, help: string): Counter =>
    new Counter({ name, help, registers: [registry] });
  return {
    flushes: counter('pulse_flushes_total', 'Flushes that succeeded.'),
    failures: counter('pulse_flush_failures_total', 'Flushes that failed, and are retried.'),
    batches: counter('pulse_flushed_batches_total', 'Sealed batches committed to Postgres.'),
    rows: counter('pulse_flushed_rows_total', 'Rows committed to Postgres.'),
    pulses: counter('pulse_flushed_pulses_total', 'Pulses in the rows committed to Postgres.'),
    leftovers: counter(
      'pulse_flush_leftovers_total',
      'Sealed batches that an earlier flush had not finished.',
    ),
    copySeconds: counter('pulse_copy_seconds_total', 'Time that COPY took.'),
    copiedRows: counter(
      'pulse_copied_rows_total',
      'Rows sent by COPY, committed or not. Divided by pulse_copy_seconds_total, the rate of COPY.',
    ),
  };
}

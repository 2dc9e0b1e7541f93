/** What the flushes of this process did, as Prometheus sees it. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { FlushReport } from './flush.ts';

export interface FlushMetrics {
  succeeded(report: FlushReport): void;
  failed(): void;
}

export function createFlushMetrics(registry: Registry): FlushMetrics {
  const registers = [registry];
  const rows = new Counter({
    name: 'pulse_flushed_rows_total',
    help: 'Rows committed to Postgres.',
    registers,
  });
  const pulses = new Counter({
    name: 'pulse_flushed_pulses_total',
    help: 'Pulses in the rows committed to Postgres.',
    registers,
  });
  const failures = new Counter({
    name: 'pulse_flush_failures_total',
    help: 'Flushes that ended with an error and are tried again.',
    registers,
  });
  const lastSuccess = new Gauge({
    name: 'pulse_flush_last_success_timestamp_seconds',
    help: 'When this process last flushed without an error.',
    registers,
  });
  const duration = new Gauge({
    name: 'pulse_flush_duration_seconds',
    help: 'How long the last flush took.',
    registers,
  });
  return {
    succeeded(report) {
      rows.inc(report.rowCount);
      pulses.inc(Number(report.pulseCount));
      lastSuccess.setToCurrentTime();
      duration.set(report.seconds);
    },
    failed() {
      failures.inc();
    },
  };
}

/** Prometheus metrics of the ingest threads. Recorded once a batch, never for each pulse. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { REJECTION_REASONS } from '../contract/rejection.ts';
import { addSampledGauge } from '../platform/metrics.ts';
import type { HeldDeliveries, IngestCounts, ThreadState } from './thread-messages.ts';

export interface IngestMetrics {
  record(counts: IngestCounts): void;
}

export interface IngestThreads {
  readonly states: readonly ThreadState[];
  readonly held: readonly HeldDeliveries[];
}

/**
 * Counts are kept in the main thread, so that those of a dead thread remain. Only what a thread did in the quarter of
 * a second before its death, since its last report, is missing.
 */
export function createIngestMetrics(
  registry: Registry,
  threads: () => IngestThreads,
): IngestMetrics {
  const counters = createCounters(registry);
  const histograms = createHistograms(registry);
  addThreadGauges(registry, threads);
  return {
    record(counts) {
      counters.received.inc(counts.received);
      counters.appended.inc(counts.appended);
      counters.redelivered.inc(counts.redeliveredWithoutId);
      counters.batches.inc(counts.batches);
      counters.busySeconds.inc(counts.busySeconds);
      for (const [reason, count] of Object.entries(counts.deadLettered)) {
        counters.deadLettered.inc({ reason }, count);
      }
      counters.admission.inc({ outcome: 'unsubscribed' }, counts.unsubscribed);
      counters.admission.inc({ outcome: 'unverified' }, counts.unverified);
      for (const pulses of counts.batchPulses) histograms.batchPulses.observe(pulses);
      for (const seconds of counts.applySeconds) histograms.applySeconds.observe(seconds);
      for (const seconds of counts.ackLagSeconds) histograms.ackLagSeconds.observe(seconds);
    },
  };
}

function createCounters(registry: Registry) {
  const registers = [registry];
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const deadLettered = new Counter({
    name: 'pulse_dead_lettered_total',
    help: 'Pulses refused and sent to the quarantine, by reason.',
    labelNames: ['reason'],
    registers,
  });
  // Exported from the start: rate() does not see the first increment of a new series.
  for (const reason of REJECTION_REASONS) deadLettered.inc({ reason }, 0);
  const admission = new Counter({
    name: 'pulse_admission_pulses_total',
    help: 'Pulses without a subscription (unsubscribed), and pulses that were counted because that could not be verified.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of ['unsubscribed', 'unverified']) admission.inc({ outcome }, 0);
  return {
    admission,
    received: counter('pulse_received_total', 'Pulses taken from the queue and settled.'),
    appended: counter('pulse_appended_total', 'Pulses written to the journal in Redis.'),
    redelivered: counter(
      'pulse_redelivered_without_id_total',
      'Redelivered pulses without any id. Only these may be counted twice.',
    ),
    batches: counter('pulse_batches_total', 'Batches settled.'),
    busySeconds: counter(
      'pulse_ingest_busy_seconds_total',
      'Time that all ingest threads were busy. Its rate divided by the number of threads is their utilisation.',
    ),
    deadLettered,
  };
}

function createHistograms(registry: Registry) {
  const registers = [registry];
  return {
    batchPulses: new Histogram({
      name: 'pulse_batch_pulses',
      help: 'Pulses in a batch.',
      buckets: [1, 10, 50, 100, 250, 500, 750, 1_000, 2_000, 5_000, 10_000],
      registers,
    }),
    applySeconds: new Histogram({
      name: 'pulse_apply_seconds',
      help: 'Time from sending a batch to Redis until it was durably in the journal.',
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
      registers,
    }),
    ackLagSeconds: new Histogram({
      name: 'pulse_ack_lag_seconds',
      help: 'Time from the receipt of the first delivery of a batch to its acknowledgement.',
      buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30],
      registers,
    }),
  };
}

function addThreadGauges(registry: Registry, threads: () => IngestThreads): void {
  new Gauge({
    name: 'pulse_ingest_threads',
    help: 'Ingest threads by state.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const state of ['consuming', 'waiting', 'paused', 'full'] as const) {
        this.set({ state }, threads().states.filter((one) => one === state).length);
      }
    },
  });
  addSampledGauge(registry, {
    name: 'pulse_held_deliveries',
    help: 'Unacknowledged deliveries that the ingest threads of this process hold.',
    read: () => threads().held.reduce((sum, { deliveries }) => sum + deliveries, 0),
  });
  addSampledGauge(registry, {
    name: 'pulse_held_refused_deliveries',
    help: 'Those of them that contain a refused pulse and wait, because RabbitMQ does not take dead letters.',
    read: () => threads().held.reduce((sum, { refused }) => sum + refused, 0),
  });
}

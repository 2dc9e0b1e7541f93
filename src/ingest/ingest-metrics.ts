/** What the ingest threads did, as Prometheus sees it. Counted per batch, never per pulse. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { REJECTION_REASONS } from '../contract/rejection.ts';
import { addSampledGauge } from '../platform/metrics.ts';
import type { HeldDeliveries, IngestCounts, ThreadState } from './thread-messages.ts';

export interface IngestMetrics {
  record(counts: IngestCounts): void;
}

/** Read at every scrape. */
export interface IngestThreads {
  readonly states: readonly ThreadState[];
  readonly held: readonly HeldDeliveries[];
}

/**
 * Counts of all threads together, kept here in the main thread, so that those of a thread that died stay. What
 * a thread did in its last quarter of a second, before it told, is missing.
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
      counters.counted.inc(counts.counted);
      counters.duplicates.inc(counts.duplicates);
      counters.redelivered.inc(counts.redeliveredWithoutId);
      counters.batches.inc(counts.batches);
      counters.busySeconds.inc(counts.busySeconds);
      for (const [reason, count] of Object.entries(counts.deadLettered)) {
        counters.deadLettered.inc({ reason }, count);
      }
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
    help: 'Pulses refused and sent to the quarantine.',
    labelNames: ['reason'],
    registers,
  });
  // Shown from the start: a series that begins with its first increment hides it from rate().
  for (const reason of REJECTION_REASONS) deadLettered.inc({ reason }, 0);
  return {
    received: counter('pulse_received_total', 'Pulses taken from the queue and settled.'),
    counted: counter('pulse_counted_total', 'Pulses added to the sums in Redis.'),
    duplicates: counter('pulse_duplicates_total', 'Pulses refused because their id was seen.'),
    redelivered: counter(
      'pulse_redelivered_without_id_total',
      'Redelivered pulses without any id, the only ones that may be counted twice.',
    ),
    batches: counter('pulse_batches_total', 'Batches settled.'),
    busySeconds: counter(
      'pulse_ingest_busy_seconds_total',
      'Time that the ingest threads were busy, all together; against their number it says how full they are.',
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
      help: 'Time from sending a batch to Redis until it was safely applied.',
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
      for (const state of ['consuming', 'waiting', 'paused'] as const) {
        this.set({ state }, threads().states.filter((one) => one === state).length);
      }
    },
  });
  addSampledGauge(registry, {
    name: 'pulse_held_deliveries',
    help: 'Deliveries that the ingest threads of this process hold unacknowledged.',
    read: () => threads().held.reduce((sum, { deliveries }) => sum + deliveries, 0),
  });
}

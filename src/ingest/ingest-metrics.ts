/** What the ingest threads did, as Prometheus sees it. Counted per batch, never per pulse. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { IngestCounts, ThreadState } from './thread-messages.ts';

export interface IngestMetrics {
  record(counts: IngestCounts): void;
}

/** @param states Read at every scrape. */
export function createIngestMetrics(
  registry: Registry,
  states: () => readonly ThreadState[],
): IngestMetrics {
  const registers = [registry];
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const received = counter('pulse_received_total', 'Pulses taken from the queue and settled.');
  const counted = counter('pulse_counted_total', 'Pulses added to the sums in Redis.');
  const duplicates = counter('pulse_duplicates_total', 'Pulses refused because their id was seen.');
  const redelivered = counter(
    'pulse_redelivered_without_id_total',
    'Redelivered pulses without any id, the only ones that may be counted twice.',
  );
  const batches = counter('pulse_batches_total', 'Batches settled and acknowledged.');
  const deadLettered = new Counter({
    name: 'pulse_dead_lettered_total',
    help: 'Pulses refused and sent to the quarantine.',
    labelNames: ['reason'],
    registers,
  });
  const applySeconds = new Histogram({
    name: 'pulse_apply_seconds',
    help: 'Time from sending a batch to Redis until it was safely applied, averaged per report.',
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
    registers,
  });
  new Gauge({
    name: 'pulse_ingest_threads',
    help: 'Ingest threads by state.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const state of ['consuming', 'waiting'] as const) {
        this.set({ state }, states().filter((one) => one === state).length);
      }
    },
  });
  return {
    record(counts) {
      received.inc(counts.received);
      counted.inc(counts.counted);
      duplicates.inc(counts.duplicates);
      redelivered.inc(counts.redeliveredWithoutId);
      batches.inc(counts.batches);
      for (const [reason, count] of Object.entries(counts.deadLettered)) {
        deadLettered.inc({ reason }, count);
      }
      applySeconds.observe(counts.applySeconds / counts.batches);
    },
  };
}

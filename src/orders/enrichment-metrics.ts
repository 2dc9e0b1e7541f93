/** Calls of the external enrichment service for Prometheus. */
import { Counter, Histogram, type Registry } from 'prom-client';
import { addSampledGauge } from '../platform/metrics.ts';
import { CALL_OUTCOMES, type CallOutcome } from './enrichment-client.ts';

const SECONDS_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** @param isOpen Read at every scrape: whether calls are suspended. */
export function createEnrichmentMetrics(registry: Registry, isOpen: () => boolean) {
  const calls = new Counter({
    name: 'pulse_enrichment_calls_total',
    help:
      'Calls of the enrichment service: answered, refused (the order is impossible), failed (tried again later), ' +
      'suspended (not made, because several in a row had failed).',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'pulse_enrichment_call_seconds',
    help: 'Time that calls of the enrichment service took, without suspended ones.',
    buckets: SECONDS_BUCKETS,
    registers: [registry],
  });
  addSampledGauge(registry, {
    name: 'pulse_enrichment_suspended',
    help:
      'Whether calls of the enrichment service for a customer are suspended after several failures in a row: ' +
      '1 yes, 0 no.',
    read: () => (isOpen() ? 1 : 0),
  });
  for (const outcome of CALL_OUTCOMES) calls.inc({ outcome }, 0);
  return {
    record: (outcome: CallOutcome, elapsedSeconds: number): void => {
      calls.inc({ outcome });
      if (outcome !== 'suspended') seconds.observe(elapsedSeconds);
    },
  };
}

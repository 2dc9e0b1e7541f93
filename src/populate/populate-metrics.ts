/** Populate runs for Prometheus. */
import type { Registry } from 'prom-client';
import { addSampledCounter, addSampledGauge } from '../platform/metrics.ts';
import type { PopulateTotals } from './populate-runs.ts';

export function addPopulateMetrics(registry: Registry, totals: () => PopulateTotals): void {
  addSampledGauge(registry, {
    name: 'pulse_populate_runs',
    help: 'Populate runs in progress in this process.',
    read: () => totals().running,
  });
  const counter = (name: string, help: string, key: keyof PopulateTotals): void => {
    addSampledCounter(registry, { name, help, read: () => totals()[key] });
  };
  counter('pulse_populate_wanted_total', 'Pulses that populate runs should publish.', 'wanted');
  counter(
    'pulse_populate_published_total',
    'Pulses that populate runs have sent to RabbitMQ.',
    'published',
  );
  counter(
    'pulse_populate_confirmed_total',
    'Pulses of populate runs that RabbitMQ has confirmed.',
    'confirmed',
  );
  counter(
    'pulse_populate_repeated_total',
    'Publications that populate runs have repeated, with the same id.',
    'retried',
  );
}

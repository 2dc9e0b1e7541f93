/** What this process published, as Prometheus sees it. */
import { Counter, type Registry } from 'prom-client';
import type { Publication } from '../contract/publication.ts';
import { addSampledCounter, addSampledGauge } from '../platform/metrics.ts';
import type { PopulateTotals } from '../populate/populate-runs.ts';
import type { Publisher } from './publisher.ts';

/** The publisher's `publish`, whose confirms and failures are counted from here on. */
export function measurePublisher(
  registry: Registry,
  publisher: Pick<Publisher, 'publish' | 'outstandingCount'>,
): (publication: Publication) => Promise<void> {
  const registers = [registry];
  const confirmed = new Counter({
    name: 'pulse_publisher_confirmed_total',
    help: "Publications of the API's own publisher that RabbitMQ has confirmed.",
    registers,
  });
  const failed = new Counter({
    name: 'pulse_publisher_failed_total',
    help: "Publications of the API's own publisher that were refused, returned or not confirmed.",
    registers,
  });
  addSampledGauge(registry, {
    name: 'pulse_publisher_outstanding',
    help: "Publications of the API's own publisher that are sent and not yet confirmed.",
    read: () => publisher.outstandingCount,
  });
  return async (publication) => {
    try {
      await publisher.publish(publication);
      confirmed.inc();
    } catch (error) {
      failed.inc();
      throw error;
    }
  };
}

/** The populate runs that the API of this process started. */
export function addPopulateMetrics(registry: Registry, totals: () => PopulateTotals): void {
  addSampledGauge(registry, {
    name: 'pulse_populate_runs',
    help: 'Populate runs that are under way in this process.',
    read: () => totals().running,
  });
  const counter = (name: string, help: string, key: keyof PopulateTotals): void => {
    addSampledCounter(registry, { name, help, read: () => totals()[key] });
  };
  counter('pulse_populate_wanted_total', 'Pulses that populate runs were asked for.', 'wanted');
  counter(
    'pulse_populate_published_total',
    'Pulses that populate runs have handed to RabbitMQ.',
    'published',
  );
  counter(
    'pulse_populate_confirmed_total',
    'Pulses of populate runs that RabbitMQ has confirmed.',
    'confirmed',
  );
  counter(
    'pulse_populate_repeated_total',
    'Publications that populate runs had to repeat, with the same id.',
    'retried',
  );
}

/** Prometheus metrics of what this process published. */
import { Counter, type Registry } from 'prom-client';
import type { Publication } from '../contract/publication.ts';
import { addSampledGauge } from '../platform/metrics.ts';
import type { Publisher } from './publisher.ts';

/** Returns the publisher's `publish`, which also counts confirms and failures. */
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
    help: "Publications of the API's own publisher that were refused, returned or never confirmed.",
    registers,
  });
  addSampledGauge(registry, {
    name: 'pulse_publisher_outstanding',
    help: "Publications of the API's own publisher that were sent and are not confirmed yet.",
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

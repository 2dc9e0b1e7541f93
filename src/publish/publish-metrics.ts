/** What this process published, as Prometheus sees it. */
import { Counter, type Registry } from 'prom-client';
import type { Publication } from '../contract/publication.ts';
import { addSampledGauge } from '../platform/metrics.ts';
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

/** What the API answered, as Prometheus sees it. */
import { Histogram, type Registry } from 'prom-client';
import type { RequestDone } from './request-hooks.ts';

export interface ApiMetrics {
  readonly requestDone: (done: RequestDone) => void;
}

export function createApiMetrics(registry: Registry): ApiMetrics {
  const duration = new Histogram({
    name: 'pulse_api_request_seconds',
    help: 'Time from a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  return {
    requestDone({ method, route, status, seconds }) {
      duration.observe({ method, route, status: String(status) }, seconds);
    },
  };
}

/** The API's metrics for Prometheus. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { RequestDone } from '../http/request-hooks.ts';

export interface ApiMetrics {
  readonly requestDone: (done: RequestDone) => void;
}

export function createApiMetrics(registry: Registry): ApiMetrics {
  const registers = [registry];
  const duration = new Histogram({
    name: 'pulse_api_request_seconds',
    help: 'Time from a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  // Without labels, so that both exist before the first error and an error rate can be computed.
  const requests = new Counter({
    name: 'pulse_api_requests_total',
    help: 'Requests answered, without health checks.',
    registers,
  });
  const serverErrors = new Counter({
    name: 'pulse_api_server_errors_total',
    help: 'Requests answered with a status of 500 or above, without health checks.',
    registers,
  });
  return {
    requestDone({ method, route, status, seconds }) {
      duration.observe({ method, route, status: String(status) }, seconds);
      if (route.includes('/health/')) return;
      requests.inc();
      if (status >= 500) serverErrors.inc();
    },
  };
}

/** The process's metrics: one registry, one small server that Prometheus reads. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { FatalError } from '../core/errors.ts';

export interface MetricsServer {
  /** Base URL; the metrics are at `/metrics` below it. */
  readonly url: string;
  close(): Promise<void>;
}

/** A registry that already holds the process's own metrics (CPU, memory, event loop). */
export function createMetricsRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/**
 * Serves `GET /metrics`.
 *
 * @param options.port 0 takes any free port.
 * @throws FatalError PULSE_METRICS_LISTEN naming the variables when the port cannot be taken.
 */
export async function startMetricsServer(
  registry: Registry,
  { host, port }: { host: string; port: number },
): Promise<MetricsServer> {
  const server = createServer((req, res) => {
    if (req.url !== '/metrics' || req.method !== 'GET') {
      res.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => res.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => res.writeHead(500).end(),
    );
  });
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new FatalError(
          'PULSE_METRICS_LISTEN',
          `METRICS_HOST, METRICS_PORT: cannot listen on ${host}:${port} (${error.code ?? 'unknown'}).`,
          { cause: error },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${shownHost}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

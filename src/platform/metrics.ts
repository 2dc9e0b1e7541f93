/** The process's metrics and health: one registry, and a small HTTP server for Prometheus and supervisors. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { FatalError } from '../core/errors.ts';
import type { ProcessHealth } from './health.ts';

export interface MetricsServer {
  /** Base URL; the metrics are at `/metrics` below it. */
  readonly url: string;
  close(): Promise<void>;
}

/** A registry with the process's own metrics (CPU, memory, event loop) and its build. */
export function createMetricsRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'pulse_build_info',
    help: 'Always 1; the labels give the versions of Pulse and Node.js.',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version: readVersion(), node: process.versions.node }, 1);
  return registry;
}

/** A value that is kept elsewhere and read at every scrape. */
export interface Sampled<T> {
  readonly name: string;
  readonly help: string;
  readonly read: () => T;
}

/** A gauge read at every scrape. While `read` returns undefined it is absent: an old value would be wrong. */
export function addSampledGauge(
  registry: Registry,
  { name, help, read }: Sampled<number | undefined>,
): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      const value = read();
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
}

/** The same with one label, whose values are the keys that `read` returns. They must be a closed set. */
export function addSampledGauges(
  registry: Registry,
  { name, help, label, read }: Sampled<Readonly<Record<string, number>>> & { label: string },
): void {
  new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [key, value] of Object.entries(read())) {
        this.set({ [label]: key }, value);
      }
    },
  });
}

/** A counter that is kept elsewhere since the process started. */
export function addSampledCounter(registry: Registry, { name, help, read }: Sampled<number>): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/**
 * Serves `GET /metrics` and, like the API, `GET /health/live` (always 200) and `GET /health/ready`.
 *
 * @param options.port 0 picks any free port.
 * @throws FatalError PULSE_METRICS_LISTEN, with the variables, when the port cannot be opened.
 */
export async function startMetricsServer(
  registry: Registry,
  { host, port, health }: { host: string; port: number; health: Pick<ProcessHealth, 'report'> },
): Promise<MetricsServer> {
  const answers: Readonly<Record<string, () => Promise<Answer>>> = {
    '/metrics': async () => ({
      status: 200,
      contentType: registry.contentType,
      text: await registry.metrics(),
    }),
    '/health/live': () => Promise.resolve(jsonAnswer(200, { live: true })),
    '/health/ready': async () => {
      const report = await health.report();
      return jsonAnswer(report.ready ? 200 : 503, report);
    },
  };
  const server = createServer((req, res) => {
    const answer = req.method === 'GET' ? answers[req.url ?? ''] : undefined;
    if (answer === undefined) {
      res.writeHead(404).end();
      return;
    }
    answer().then(
      ({ status, contentType, text }) =>
        res.writeHead(status, { 'content-type': contentType }).end(text),
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

/** Reads package.json, which is two folders up in both src and dist. */
function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

function jsonAnswer(status: number, value: unknown): Answer {
  return { status, contentType: 'application/json', text: JSON.stringify(value) };
}

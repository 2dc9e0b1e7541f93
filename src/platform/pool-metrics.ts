/** How busy the Postgres pool is, and how long callers wait for a connection. */
import type { Pool, PoolClient } from 'pg';
import { Histogram, type Registry } from 'prom-client';
import { addSampledGauge, addSampledGauges } from './metrics.ts';

/** Adds the metrics of a pool, and measures every wait for a connection from now on. */
export function addPoolMetrics(registry: Registry, pool: Pool): void {
  addSampledGauges(registry, {
    name: 'pulse_postgres_connections',
    help: 'Connections to Postgres that this process has open, by state.',
    label: 'state',
    read: () => ({ idle: pool.idleCount, busy: pool.totalCount - pool.idleCount }),
  });
  addSampledGauge(registry, {
    name: 'pulse_postgres_waiting',
    help: 'Callers waiting for a connection to Postgres. Requests that wait for the turn of their tenants are not among them.',
    read: () => pool.waitingCount,
  });
  const waitSeconds = new Histogram({
    name: 'pulse_postgres_wait_seconds',
    help: 'Time until a caller got a connection to Postgres, or an error.',
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
    registers: [registry],
  });
  measureWaits(pool, (seconds) => {
    waitSeconds.observe(seconds);
  });
}

type OnConnect = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: () => void,
) => void;

/** The pool has no event for the start of a wait, so this replaces `connect`, which `query` also calls. */
function measureWaits(pool: Pool, observe: (seconds: number) => void): void {
  const original = pool.connect.bind(pool) as {
    (): Promise<PoolClient>;
    (callback: OnConnect): void;
  };
  const measured = (callback?: OnConnect): Promise<PoolClient> | undefined => {
    const startedMs = performance.now();
    const observeEnd = (): void => {
      observe((performance.now() - startedMs) / 1000);
    };
    if (callback === undefined) return original().finally(observeEnd);
    original((error, client, done) => {
      observeEnd();
      callback(error, client, done);
    });
    return undefined;
  };
  pool.connect = measured as Pool['connect'];
}

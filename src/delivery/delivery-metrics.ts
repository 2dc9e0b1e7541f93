/** Deliveries for Prometheus. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Pool } from 'pg';
import { addSampledGauge, addSampledGauges } from '../platform/metrics.ts';
import { onlyRow } from '../platform/postgres.ts';
import type { Watch } from '../platform/watch.ts';
import { SET_ASIDE_AFTER } from './delivery.ts';

const SECONDS_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];
/** Counting more of them takes long, and says nothing more. */
const COUNTED_MAX = 100_000;

export function createDeliveryMetrics(registry: Registry) {
  const attempts = new Counter({
    name: 'pulse_delivery_attempts_total',
    help: 'Webhooks sent, by whether the endpoint answered with 2xx (delivered) or not (failed).',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'pulse_delivery_attempt_seconds',
    help: 'Time from the start of an attempt to its answer.',
    buckets: SECONDS_BUCKETS,
    registers: [registry],
  });
  for (const outcome of ['delivered', 'failed']) attempts.inc({ outcome }, 0);
  return {
    record: (outcome: 'delivered' | 'failed', elapsedSeconds: number): void => {
      attempts.inc({ outcome });
      seconds.observe(elapsedSeconds);
    },
  };
}

/** What waits at the endpoints. */
export interface DeliveryDepth {
  /** Due now, at endpoints that are enabled; at most `countedMax` are counted. */
  readonly dueCount: number;
  /** For how long the endpoint that has waited longest has waited; those that are set aside do not count. */
  readonly lateSeconds: number;
  readonly endpoints: Readonly<Record<'healthy' | 'failing' | 'disabled', number>>;
}

export async function readDeliveryDepth(
  pool: Pick<Pool, 'query'>,
  countedMax = COUNTED_MAX,
): Promise<DeliveryDepth> {
  const { rows } = await pool.query<{
    dueCount: string;
    lateSeconds: number;
    healthy: string;
    failing: string;
    disabled: string;
  }>(
    `SELECT
       (SELECT count(*) FROM (SELECT FROM deliveries JOIN endpoints endpoint ON endpoint.id = endpoint_id
          WHERE deliveries.status = 'pending' AND deliveries.due_at <= clock_timestamp() AND endpoint.status = 'enabled'
          LIMIT $2) AS due) AS "dueCount",
       coalesce(max(extract(epoch FROM clock_timestamp() - first.due_at)::float8)
         FILTER (WHERE status = 'enabled' AND failures_in_row < $1 AND first.due_at < clock_timestamp()), 0) AS "lateSeconds",
       count(*) FILTER (WHERE status = 'enabled' AND failing_since IS NULL) AS healthy,
       count(*) FILTER (WHERE status = 'enabled' AND failing_since IS NOT NULL) AS failing,
       count(*) FILTER (WHERE status = 'disabled') AS disabled
     FROM endpoints JOIN endpoint_states ON endpoint_id = endpoints.id
     CROSS JOIN LATERAL (
       SELECT min(due_at) AS due_at FROM deliveries
       WHERE deliveries.endpoint_id = endpoints.id AND deliveries.status = 'pending') AS first`,
    [SET_ASIDE_AFTER, countedMax],
  );
  const row = onlyRow(rows);
  return {
    dueCount: Number(row.dueCount),
    lateSeconds: row.lateSeconds,
    endpoints: {
      healthy: Number(row.healthy),
      failing: Number(row.failing),
      disabled: Number(row.disabled),
    },
  };
}

/** Deliveries as this process sees them; the same in every process. */
export function addDeliveryMetrics(
  registry: Registry,
  watch: Pick<Watch<DeliveryDepth>, 'latest'>,
): void {
  addSampledGauge(registry, {
    name: 'pulse_deliveries_due',
    help: 'Deliveries that are due at enabled endpoints; at most 100,000 are counted.',
    read: () => watch.latest?.dueCount,
  });
  addSampledGauge(registry, {
    name: 'pulse_delivery_late_seconds',
    help: 'For how long a delivery has been due at the endpoint that waits longest, without those that fail again and again.',
    read: () => watch.latest?.lateSeconds,
  });
  addSampledGauges(registry, {
    name: 'pulse_endpoints',
    help: 'Endpoints: healthy, failing (no success since the last failure) and disabled.',
    label: 'state',
    read: () => watch.latest?.endpoints ?? {},
  });
}

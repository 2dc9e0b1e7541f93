/** From the queue to Redis: threads, batches, times. */
import type { DashboardSource } from './panel.ts';

const quantile = (share: number, name: string): string =>
  `histogram_quantile(${share}, sum by (le) (rate(${name}_bucket[$__rate_interval])))`;

export const ingest: DashboardSource = {
  uid: 'ingest',
  title: 'Ingest',
  description: 'From the queue to Redis: threads, batches, times.',
  rows: [
    {
      title: 'Threads',
      panels: [
        {
          kind: 'graph',
          title: 'Threads by state',
          description:
            'Consuming, waiting for RabbitMQ or Redis, or full of refused pulses. Normal: all consume.',
          unit: 'none',
          queries: { '{{state}}': 'sum by (state) (pulse_ingest_threads)' },
          runbook: 'no-consumer',
        },
        {
          kind: 'graph',
          title: 'How busy the threads are',
          description:
            'Share of their time. Near 1 with a growing queue: more threads or workers are needed.',
          unit: 'percentunit',
          queries: {
            busy: 'sum(rate(pulse_ingest_busy_seconds_total[$__rate_interval])) / sum(pulse_ingest_threads)',
          },
          levels: [{ from: 0.9, color: 'yellow' }],
        },
        {
          kind: 'graph',
          title: 'Deliveries held',
          description: 'Taken and not acknowledged, at most PREFETCH for each thread.',
          unit: 'short',
          queries: { '{{instance}}': 'sum by (instance) (pulse_held_deliveries)' },
        },
        {
          kind: 'graph',
          title: 'Refused deliveries held',
          description:
            'RabbitMQ takes no dead letters. Good pulses are counted until a thread is full of these.',
          unit: 'short',
          queries: { '{{instance}}': 'sum by (instance) (pulse_held_refused_deliveries)' },
          levels: [{ from: 1, color: 'red' }],
          runbook: 'dead-letters-rising',
        },
        {
          kind: 'graph',
          title: 'Lag of the main event loop',
          description:
            'Of each process, 99th percentile. Above a second or so, heartbeats are in danger.',
          unit: 's',
          queries: { '{{instance}}': 'max by (instance) (nodejs_eventloop_lag_p99_seconds)' },
          levels: [{ from: 1, color: 'red' }],
        },
      ],
    },
    {
      title: 'Batches',
      panels: [
        {
          kind: 'graph',
          title: 'Pulses in a batch',
          description:
            'Small when little comes; BATCH_SIZE under load, up to four times as many in arrays.',
          unit: 'short',
          queries: {
            mean: 'sum(rate(pulse_batch_pulses_sum[$__rate_interval])) / sum(rate(pulse_batch_pulses_count[$__rate_interval]))',
            p95: quantile(0.95, 'pulse_batch_pulses'),
          },
        },
        {
          kind: 'graph',
          title: 'Batches a second',
          description: 'Each is one call to Redis and one fsync.',
          unit: 'cps',
          queries: { batches: 'sum(rate(pulse_batches_total[$__rate_interval]))' },
        },
        {
          kind: 'graph',
          title: 'Applying a batch to Redis',
          description: 'Fsync included. A slow disk of Redis shows here first.',
          unit: 's',
          queries: {
            p50: quantile(0.5, 'pulse_apply_seconds'),
            p99: quantile(0.99, 'pulse_apply_seconds'),
          },
          levels: [{ from: 1, color: 'red' }],
          runbook: 'pulse-age-high',
        },
        {
          kind: 'graph',
          title: 'From receipt to acknowledgement',
          description:
            'Waiting for the batch to fill, applying, and waiting for the batches before it.',
          unit: 's',
          queries: {
            p50: quantile(0.5, 'pulse_ack_lag_seconds'),
            p99: quantile(0.99, 'pulse_ack_lag_seconds'),
          },
          levels: [{ from: 5, color: 'red' }],
          runbook: 'pulse-age-high',
        },
      ],
    },
    {
      title: 'Subscriptions',
      panels: [
        {
          kind: 'graph',
          title: 'Pulses without a subscription',
          description:
            'Only with ADMISSION. Unverified: counted, because Postgres could not be asked. Normal: none.',
          unit: 'cps',
          queries: {
            '{{outcome}}':
              'sum by (outcome) (rate(pulse_admission_pulses_total[$__rate_interval]))',
          },
        },
      ],
    },
    {
      title: 'Ids',
      panels: [
        {
          kind: 'graph',
          title: 'Share of duplicates',
          description:
            'Pulses refused because their id was seen. Normal: what producers repeat after lost confirms.',
          unit: 'percentunit',
          queries: {
            duplicates:
              'sum(rate(pulse_duplicates_total[$__rate_interval])) / sum(rate(pulse_received_total[$__rate_interval]))',
          },
          levels: [{ from: 0.2, color: 'red' }],
          runbook: 'duplicate-rate-high',
        },
        {
          kind: 'graph',
          title: 'Redelivered without id',
          description:
            'The only pulses that may be counted twice: they have no id of any kind. Normal: 0.',
          unit: 'cps',
          queries: {
            pulses: 'sum(rate(pulse_redelivered_without_id_total[$__rate_interval]))',
          },
          runbook: 'duplicate-rate-high',
        },
        {
          kind: 'graph',
          title: 'Ids remembered',
          description: 'Some 10 bytes each in Redis, for DEDUPE_WINDOW_SECONDS at least.',
          unit: 'short',
          queries: { ids: 'max(pulse_seen_ids)' },
        },
        {
          kind: 'graph',
          title: 'CPU of each process',
          description: 'Cores in use.',
          unit: 'short',
          queries: {
            '{{instance}}':
              'sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval]) * on (instance) group_left () pulse_build_info)',
          },
        },
      ],
    },
  ],
};

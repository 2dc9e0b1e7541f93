/** From Redis to Postgres: flushes, leftovers, the pool. */
import type { DashboardSource } from './panel.ts';

export const flush: DashboardSource = {
  uid: 'flush',
  title: 'Flush',
  description: 'From Redis to Postgres: flushes, leftovers, the pool.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'stat',
          title: 'Flushes missed',
          description:
            'Scheduled flushes since the oldest sum that is not in Postgres. 2 or more is wrong.',
          unit: 'none',
          queries: { missed: 'max(pulse_flush_missed_ticks)' },
          levels: [
            { from: 1, color: 'blue' },
            { from: 2, color: 'red' },
          ],
          runbook: 'flush-stale',
        },
        {
          kind: 'stat',
          title: 'Oldest sum not in Postgres',
          description: 'Grows from one flush to the next, and then begins anew.',
          unit: 's',
          queries: { age: 'max(pulse_unflushed_age_seconds)' },
          runbook: 'flush-stale',
        },
        {
          kind: 'stat',
          title: 'Oldest pulses in the journal',
          description:
            'Appended and in no sum yet. Normal: 0 to 2 seconds, and up to 15 s late here.',
          unit: 's',
          queries: { age: 'max(pulse_journal_age_seconds)' },
          levels: [{ from: 60, color: 'red' }],
          runbook: 'journal-stale',
        },
        {
          kind: 'stat',
          title: 'Sealed batches',
          description:
            'On their way to Postgres. One that stays is a leftover of a flush that failed.',
          unit: 'none',
          queries: { batches: 'max(pulse_sealed_batches)' },
          levels: [{ from: 1, color: 'yellow' }],
          runbook: 'flush-stale',
        },
        {
          kind: 'stat',
          title: 'Last flush took',
          description: 'Of the worker whose last flush was the slowest.',
          unit: 's',
          queries: { seconds: 'max(pulse_flush_duration_seconds)' },
          levels: [{ from: 600, color: 'yellow' }],
        },
        {
          kind: 'stat',
          title: 'COPY',
          description: 'Rows a second while COPY runs, over the time shown.',
          unit: 'cps',
          queries: {
            rows: 'sum(increase(pulse_copied_rows_total[$__range])) / sum(increase(pulse_copy_seconds_total[$__range]))',
          },
        },
        {
          kind: 'stat',
          title: 'Drift of the books',
          description:
            'Pulses lost or counted twice between Redis and Postgres. Normal: 0, always.',
          unit: 'none',
          queries: { drift: 'sum(max by (direction) (pulse_books_drift_pulses))' },
          levels: [{ from: 1, color: 'red' }],
          runbook: 'drift-not-zero',
        },
      ],
    },
    {
      title: 'Over time',
      panels: [
        {
          kind: 'graph',
          title: 'Flushes',
          description:
            'Succeeded and failed since the processes began. A failed flush is repeated.',
          unit: 'short',
          queries: {
            succeeded: 'sum(pulse_flushes_total)',
            failed: 'sum(pulse_flush_failures_total)',
            'leftovers found': 'sum(pulse_flush_leftovers_total)',
          },
          runbook: 'flush-stale',
        },
        {
          kind: 'graph',
          title: 'Written to Postgres',
          description: 'Rows and the pulses in them, and batches, since the processes began.',
          unit: 'short',
          queries: {
            rows: 'sum(pulse_flushed_rows_total)',
            pulses: 'sum(pulse_flushed_pulses_total)',
            batches: 'sum(pulse_flushed_batches_total)',
          },
        },
        {
          kind: 'graph',
          title: 'Sums in Redis',
          description: 'Distinct sums that will become rows.',
          unit: 'short',
          queries: { '{{state}}': 'max by (state) (pulse_pending_keys)' },
        },
        {
          kind: 'graph',
          title: 'Connections to Postgres',
          description: 'Of all processes, and callers that wait for one. Normal: nobody waits.',
          unit: 'none',
          queries: {
            '{{state}}': 'sum by (state) (pulse_postgres_connections)',
            waiting: 'sum(pulse_postgres_waiting)',
          },
        },
        {
          kind: 'graph',
          title: 'Waiting for a connection to Postgres',
          description: '99th percentile.',
          unit: 's',
          queries: {
            p99: 'histogram_quantile(0.99, sum by (le) (rate(pulse_postgres_wait_seconds_bucket[$__rate_interval])))',
          },
          levels: [{ from: 1, color: 'yellow' }],
        },
        {
          kind: 'graph',
          title: 'Servers seen',
          description: '1: the last look at the server succeeded. 0: its metrics are missing.',
          unit: 'none',
          queries: { '{{watch}}': 'min by (watch) (pulse_watch_up)' },
        },
      ],
    },
  ],
};

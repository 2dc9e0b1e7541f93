/** The first dashboard to open: is money being counted? */
import type { DashboardSource } from './panel.ts';

export const pipeline: DashboardSource = {
  uid: 'pipeline',
  title: 'Pipeline',
  description: 'Is money being counted? Green in the first row means yes.',
  rows: [
    {
      title: 'Is money being counted?',
      panels: [
        {
          kind: 'stat',
          title: 'Oldest pulse not counted',
          description:
            'Age of the oldest pulse that was sent and is not counted. Normal: below a second or two.',
          unit: 's',
          queries: { age: 'max(pulse_oldest_pulse_age_seconds)' },
          levels: [
            { from: 60, color: 'yellow' },
            { from: 300, color: 'red' },
          ],
          runbook: 'pulse-age-high',
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
        {
          kind: 'stat',
          title: 'Flushes missed',
          description:
            'Scheduled flushes since the oldest sum that is not in Postgres. Normal: 0, and 1 while a flush runs.',
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
          title: 'Consumers',
          description:
            'Ingest threads, of all workers, that take from the queue. Normal: 1 or more; 0 while ingest is paused.',
          unit: 'none',
          queries: { consumers: 'max(pulse_queue_consumers{queue="main"})' },
          levels: [
            { from: 0, color: 'red' },
            { from: 1, color: 'green' },
          ],
          runbook: 'no-consumer',
        },
        {
          kind: 'stat',
          title: 'Redis is durable',
          description:
            '1: every setting that the counts rest on is right. 0: a crash can lose sums.',
          unit: 'none',
          queries: { durable: 'min(pulse_redis_durable)' },
          levels: [
            { from: 0, color: 'red' },
            { from: 1, color: 'green' },
          ],
          runbook: 'redis-not-durable',
        },
        {
          kind: 'stat',
          title: 'Since the last flush',
          description:
            'Time since any worker last flushed without an error. Normal: below one interval.',
          unit: 's',
          queries: { since: 'time() - max(pulse_flush_last_success_timestamp_seconds)' },
          runbook: 'flush-stale',
        },
      ],
    },
    {
      title: 'Flow',
      panels: [
        {
          kind: 'graph',
          title: 'Pulses a second',
          description:
            'Taken from the queue, and what became of them. Counted follows received; the rest is duplicates and dead letters.',
          unit: 'cps',
          queries: {
            received: 'sum(rate(pulse_received_total[$__rate_interval]))',
            counted: 'sum(rate(pulse_counted_total[$__rate_interval]))',
            duplicates: 'sum(rate(pulse_duplicates_total[$__rate_interval]))',
            'dead letters': 'sum(rate(pulse_dead_lettered_total[$__rate_interval]))',
          },
        },
        {
          kind: 'graph',
          title: 'Waiting in the queues',
          description:
            'Deliveries ready in RabbitMQ. Main grows while workers are too slow or away.',
          unit: 'short',
          queries: { '{{queue}}': 'max by (queue) (pulse_queue_deliveries)' },
          runbook: 'pulse-age-high',
        },
        {
          kind: 'graph',
          title: 'Age of the backlog',
          description:
            'The oldest pulse not counted, and for how long the queue has not been seen empty: an upper limit of that age.',
          unit: 's',
          queries: {
            'oldest pulse': 'max(pulse_oldest_pulse_age_seconds)',
            'queue not empty for': 'max(pulse_queue_backlog_seconds)',
          },
          levels: [{ from: 300, color: 'red' }],
          runbook: 'pulse-age-high',
        },
        {
          kind: 'graph',
          title: 'Counted in Redis, not yet in Postgres',
          description: 'Live sums grow until the next flush; sealed ones are on their way.',
          unit: 'short',
          queries: { '{{state}}': 'max by (state) (pulse_pending_pulses)' },
          runbook: 'flush-stale',
        },
        {
          kind: 'graph',
          title: 'Dead letters a second, by reason',
          description:
            'Pulses that were refused. They wait in the quarantine and are not billed until replayed.',
          unit: 'cps',
          queries: {
            '{{reason}}': 'sum by (reason) (rate(pulse_dead_lettered_total[$__rate_interval]))',
          },
          runbook: 'dead-letters-rising',
        },
        {
          kind: 'graph',
          title: 'Dead letters parked',
          description:
            'Dead letters that the quarantine cannot store, in their own queue, and those moved there an hour, by reason. Normal: 0.',
          unit: 'short',
          queries: {
            'in the parked queue': 'max(pulse_queue_deliveries{queue="parked"})',
            '{{reason}}': 'sum by (reason) (increase(pulse_dead_letters_parked_total[1h]))',
          },
          levels: [{ from: 1, color: 'red' }],
          runbook: 'dead-letters-parked',
        },
        {
          kind: 'graph',
          title: 'Memory of Redis',
          description:
            'Used, and the limit (0: none). At the limit Redis refuses writes and ingest waits.',
          unit: 'bytes',
          queries: {
            used: 'max(pulse_redis_memory_bytes)',
            limit: 'max(pulse_redis_memory_max_bytes)',
          },
          runbook: 'redis-not-durable',
        },
      ],
    },
  ],
};

/** A populate run from the request to the last pulse counted. */
import type { DashboardSource } from './panel.ts';

export const loadTest: DashboardSource = {
  uid: 'load-test',
  title: 'Load test',
  description:
    'Populate runs that were started over the API. `pulse populate` on a command line shows its progress itself and is not here.',
  rows: [
    {
      title: 'Progress',
      panels: [
        {
          kind: 'stat',
          title: 'Runs under way',
          description: 'In all API processes.',
          unit: 'none',
          queries: { runs: 'sum(pulse_populate_runs)' },
        },
        {
          kind: 'stat',
          title: 'Confirmed of what was asked for',
          description: 'Over all runs since the API began.',
          unit: 'percentunit',
          queries: {
            confirmed: 'sum(pulse_populate_confirmed_total) / sum(pulse_populate_wanted_total)',
          },
        },
        {
          kind: 'stat',
          title: 'Still to be confirmed',
          description: 'Pulses.',
          unit: 'short',
          queries: {
            pulses: 'sum(pulse_populate_wanted_total) - sum(pulse_populate_confirmed_total)',
          },
        },
        {
          kind: 'stat',
          title: 'Repeated',
          description:
            'Publications that were not confirmed and sent again with the same id. Normal: 0.',
          unit: 'short',
          queries: { publications: 'sum(pulse_populate_repeated_total)' },
          levels: [{ from: 1, color: 'yellow' }],
        },
        {
          kind: 'stat',
          title: 'Waiting in the queue',
          description: 'Published and not yet taken.',
          unit: 'short',
          queries: { deliveries: 'max(pulse_queue_deliveries{queue="main"})' },
        },
        {
          kind: 'stat',
          title: 'Oldest pulse not counted',
          description: 'How far the workers are behind the load.',
          unit: 's',
          queries: { age: 'max(pulse_oldest_pulse_age_seconds)' },
          levels: [
            { from: 60, color: 'yellow' },
            { from: 300, color: 'red' },
          ],
          runbook: 'pulse-age-high',
        },
      ],
    },
    {
      title: 'Rates',
      panels: [
        {
          kind: 'graph',
          title: 'Published, confirmed, counted',
          description: 'Pulses a second. Counted below confirmed: the queue grows.',
          unit: 'cps',
          queries: {
            published: 'sum(rate(pulse_populate_published_total[$__rate_interval]))',
            confirmed: 'sum(rate(pulse_populate_confirmed_total[$__rate_interval]))',
            counted: 'sum(rate(pulse_counted_total[$__rate_interval]))',
          },
        },
        {
          kind: 'graph',
          title: 'Waiting in the queues',
          description: 'Deliveries ready in RabbitMQ.',
          unit: 'short',
          queries: { '{{queue}}': 'max by (queue) (pulse_queue_deliveries)' },
        },
        {
          kind: 'graph',
          title: 'How busy the ingest threads are',
          description: 'Share of their time.',
          unit: 'percentunit',
          queries: {
            busy: 'sum(rate(pulse_ingest_busy_seconds_total[$__rate_interval])) / sum(pulse_ingest_threads)',
          },
        },
        {
          kind: 'graph',
          title: 'Memory of Redis',
          description: 'Sums and remembered ids.',
          unit: 'bytes',
          queries: { used: 'max(pulse_redis_memory_bytes)' },
        },
      ],
    },
  ],
};

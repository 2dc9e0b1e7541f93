/** From an event to the endpoints of its client: the queues, the messages, the webhooks. */
import type { DashboardSource } from './panel.ts';

/** With any MESSAGE_PREFIX. */
const EVENT_QUEUES = 'queue=~".*events([.]announced)?"';

const attemptSeconds = (share: number): string =>
  `histogram_quantile(${share}, sum by (le) (rate(pulse_delivery_attempt_seconds_bucket[$__rate_interval])))`;

export const events: DashboardSource = {
  uid: 'events',
  title: 'Events and webhooks',
  description:
    'From an event to the endpoints of its client: the queues, the messages, the webhooks.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'stat',
          title: 'Longest wait for a sender',
          description:
            'For how long a delivery has been due, without endpoints that fail again and again. Normal: below a second.',
          unit: 's',
          queries: { late: 'max(pulse_delivery_late_seconds)' },
          levels: [
            { from: 10, color: 'yellow' },
            { from: 60, color: 'red' },
          ],
          runbook: 'deliveries-late',
        },
        {
          kind: 'stat',
          title: 'Due',
          description: 'Deliveries that are due at enabled endpoints. Normal: near 0.',
          unit: 'none',
          queries: { deliveries: 'max(pulse_deliveries_due)' },
          runbook: 'deliveries-late',
        },
        {
          kind: 'stat',
          title: 'Attempts that fail',
          description: 'Share of all attempts. Normal: what the endpoints of clients make of it.',
          unit: 'percentunit',
          queries: {
            failing:
              'sum(rate(pulse_delivery_attempts_total{outcome="failed"}[$__rate_interval])) / sum(rate(pulse_delivery_attempts_total[$__rate_interval]))',
          },
          levels: [{ from: 0.2, color: 'yellow' }],
          runbook: 'endpoint-failing',
        },
        {
          kind: 'stat',
          title: 'Failing endpoints',
          description:
            'Without a success since their last failure. After 5 days they are disabled.',
          unit: 'none',
          queries: { endpoints: 'max(pulse_endpoints{state="failing"})' },
          levels: [{ from: 1, color: 'yellow' }],
          runbook: 'endpoint-failing',
        },
        {
          kind: 'stat',
          title: 'Disabled endpoints',
          description:
            'By their clients, by an answer of 410, or after failures. They get nothing.',
          unit: 'none',
          queries: { endpoints: 'max(pulse_endpoints{state="disabled"})' },
          runbook: 'endpoint-failing',
        },
      ],
    },
    {
      title: 'Events',
      panels: [
        {
          kind: 'graph',
          title: 'Messages stored a second, by queue',
          description:
            'Events from RabbitMQ. Those of POST /events are stored at once, and not here.',
          unit: 'cps',
          queries: {
            '{{queue}}': `sum by (queue) (rate(pulse_messages_handled_total{outcome="done",${EVENT_QUEUES}}[$__rate_interval]))`,
          },
        },
        {
          kind: 'graph',
          title: 'Waiting in the queues of events',
          description: 'Ready in RabbitMQ. Grows while processors are too slow or unavailable.',
          unit: 'short',
          queries: {
            '{{queue}}': `max by (queue) (pulse_message_queue_messages{${EVENT_QUEUES}})`,
          },
          runbook: 'handler-failing',
        },
      ],
    },
    {
      title: 'Webhooks',
      panels: [
        {
          kind: 'graph',
          title: 'Attempts a second, by outcome',
          description: 'Delivered: answered with 2xx. Failed: anything else, or no answer.',
          unit: 'cps',
          queries: {
            '{{outcome}}':
              'sum by (outcome) (rate(pulse_delivery_attempts_total[$__rate_interval]))',
          },
          runbook: 'endpoint-failing',
        },
        {
          kind: 'graph',
          title: 'Time of an attempt',
          description: 'From its start to the answer of the endpoint. The limit is 15 seconds.',
          unit: 's',
          queries: { p50: attemptSeconds(0.5), p99: attemptSeconds(0.99) },
          runbook: 'endpoint-failing',
        },
        {
          kind: 'graph',
          title: 'Deliveries due',
          description: 'At enabled endpoints. At most 100,000 are counted.',
          unit: 'short',
          queries: { due: 'max(pulse_deliveries_due)' },
          runbook: 'deliveries-late',
        },
        {
          kind: 'graph',
          title: 'Late',
          description: 'At the endpoint that waits longest. Grows when senders are too few.',
          unit: 's',
          queries: { late: 'max(pulse_delivery_late_seconds)' },
          levels: [{ from: 60, color: 'red' }],
          runbook: 'deliveries-late',
        },
        {
          kind: 'graph',
          title: 'Endpoints, by state',
          description: 'Failing: without a success since the last failure.',
          unit: 'short',
          queries: { '{{state}}': 'max by (state) (pulse_endpoints)' },
          runbook: 'endpoint-failing',
        },
      ],
    },
    {
      title: 'Exports',
      panels: [
        {
          kind: 'graph',
          title: 'Exports, by state',
          description: 'Queued grows while exporters are too few or unavailable.',
          unit: 'short',
          queries: { '{{state}}': 'max by (state) (pulse_exports)' },
          runbook: 'export-stuck',
        },
        {
          kind: 'graph',
          title: 'Oldest export',
          description: 'For how long the export that was asked for first has not ended.',
          unit: 's',
          queries: { oldest: 'max(pulse_export_oldest_seconds)' },
          levels: [{ from: 1_800, color: 'red' }],
          runbook: 'export-stuck',
        },
        {
          kind: 'graph',
          title: 'Attempts that ended, by outcome',
          description:
            'Ready: the file is there. Failed: it can never be. Lost and released: later.',
          unit: 'cps',
          queries: {
            '{{outcome}}': 'sum by (outcome) (rate(pulse_exports_ended_total[$__rate_interval]))',
            rows: 'sum(rate(pulse_export_rows_total[$__rate_interval]))',
          },
          runbook: 'export-stuck',
        },
        {
          kind: 'graph',
          title: 'Bytes of files',
          description: 'Exports fail when they reach EXPORT_QUOTA_BYTES.',
          unit: 'bytes',
          queries: { files: 'max(pulse_export_file_bytes)' },
          runbook: 'export-stuck',
        },
      ],
    },
  ],
};

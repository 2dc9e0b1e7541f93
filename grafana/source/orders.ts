/** From an order to its end: the outbox, the queues, the handlers, the external service. */
import type { DashboardSource } from './panel.ts';

const FAILED = 'pulse_messages_handled_total{outcome=~"retried|exhausted|impossible|held"}';

const quantile = (share: number, name: string, by: string): string =>
  `histogram_quantile(${share}, sum by (${by}) (rate(${name}_bucket[$__rate_interval])))`;

export const orders: DashboardSource = {
  uid: 'orders',
  title: 'Orders',
  description: 'From an order to its end: the outbox, the queues, the handlers.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'stat',
          title: 'Oldest in the outbox',
          description: 'How long a publication has waited for RabbitMQ. Normal: below a second.',
          unit: 's',
          queries: { age: 'max(pulse_outbox_oldest_seconds)' },
          levels: [
            { from: 10, color: 'yellow' },
            { from: 60, color: 'red' },
          ],
          runbook: 'outbox-stuck',
        },
        {
          kind: 'stat',
          title: 'Waiting in the outbox',
          description: 'Publications that are due and not confirmed. Normal: near 0.',
          unit: 'none',
          queries: { messages: 'max(pulse_outbox_messages)' },
          runbook: 'outbox-stuck',
        },
        {
          kind: 'stat',
          title: 'Queues without a consumer',
          description: 'Queues that no processor or enricher consumes. Normal: 0.',
          unit: 'none',
          queries: {
            queues: 'count(max by (queue) (pulse_message_queue_consumers) < 1) or vector(0)',
          },
          levels: [{ from: 1, color: 'red' }],
          runbook: 'handler-failing',
        },
        {
          kind: 'stat',
          title: 'Messages that fail',
          description: 'Share of the messages that were handled. Normal: near 0.',
          unit: 'percentunit',
          queries: {
            failing: `sum(rate(${FAILED}[$__rate_interval])) / sum(rate(pulse_messages_handled_total[$__rate_interval]))`,
          },
          levels: [
            { from: 0.05, color: 'yellow' },
            { from: 0.2, color: 'red' },
          ],
          runbook: 'handler-failing',
        },
        {
          kind: 'stat',
          title: 'Dead letters',
          description: 'Messages that were given up in the last hour. They wait in the quarantine.',
          unit: 'none',
          queries: {
            messages:
              'sum(increase(pulse_messages_handled_total{outcome=~"exhausted|impossible"}[1h]))',
          },
          levels: [{ from: 1, color: 'yellow' }],
          runbook: 'handler-failing',
        },
        {
          kind: 'stat',
          title: 'External service suspended',
          description:
            '1: an enricher has stopped calling it, because several calls in a row failed.',
          unit: 'none',
          queries: { suspended: 'max(pulse_enrichment_suspended)' },
          levels: [{ from: 1, color: 'red' }],
          runbook: 'handler-failing',
        },
      ],
    },
    {
      title: 'Messages',
      panels: [
        {
          kind: 'graph',
          title: 'Messages handled a second, by queue',
          description: 'That took effect. An order passes each queue once.',
          unit: 'cps',
          queries: {
            '{{queue}}':
              'sum by (queue) (rate(pulse_messages_handled_total{outcome="done"}[$__rate_interval]))',
          },
        },
        {
          kind: 'graph',
          title: 'Other outcomes a second',
          description:
            'Duplicates are dropped, retried ones come again, held ones wait for Postgres, the rest are dead letters.',
          unit: 'cps',
          queries: {
            '{{queue}} {{outcome}}':
              'sum by (queue, outcome) (rate(pulse_messages_handled_total{outcome!="done"}[$__rate_interval]))',
          },
          runbook: 'handler-failing',
        },
        {
          kind: 'graph',
          title: 'Waiting in the queues of messages',
          description:
            'Ready in RabbitMQ. Grows while processors or enrichers are too slow or away.',
          unit: 'short',
          queries: { '{{queue}}': 'max by (queue) (pulse_message_queue_messages)' },
          runbook: 'handler-failing',
        },
        {
          kind: 'graph',
          title: 'Time to handle a message',
          description: '95th percentile, from the delivery to the outcome.',
          unit: 's',
          queries: { '{{queue}}': quantile(0.95, 'pulse_message_handling_seconds', 'le, queue') },
          runbook: 'handler-failing',
        },
      ],
    },
    {
      title: 'Subscriptions',
      panels: [
        {
          kind: 'graph',
          title: 'Requests for changes a second',
          description:
            'Of the API. Late: answered 202, because no processor answered in time. Failed: RabbitMQ took none.',
          unit: 'cps',
          queries: {
            '{{outcome}}': 'sum by (outcome) (rate(pulse_rpc_requests_total[$__rate_interval]))',
          },
          runbook: 'handler-failing',
        },
        {
          kind: 'graph',
          title: 'Time to an answer',
          description: 'From a request of the API to the answer of a processor.',
          unit: 's',
          queries: {
            p50: quantile(0.5, 'pulse_rpc_answer_seconds', 'le'),
            p99: quantile(0.99, 'pulse_rpc_answer_seconds', 'le'),
          },
          runbook: 'handler-failing',
        },
      ],
    },
    {
      title: 'Outbox and external service',
      panels: [
        {
          kind: 'graph',
          title: 'In the outbox',
          description: 'Due publications, and messages scheduled for later, such as retries.',
          unit: 'short',
          queries: {
            due: 'max(pulse_outbox_messages)',
            later: 'max(pulse_outbox_delayed_messages)',
          },
          runbook: 'outbox-stuck',
        },
        {
          kind: 'graph',
          title: 'Published from the outbox a second',
          description: 'Confirmed by RabbitMQ, and failed ones, which are tried again.',
          unit: 'cps',
          queries: {
            '{{outcome}}': 'sum by (outcome) (rate(pulse_outbox_relayed_total[$__rate_interval]))',
          },
          runbook: 'outbox-stuck',
        },
        {
          kind: 'graph',
          title: 'Calls of the external service a second',
          description: 'Only with ENRICHMENT_URL. Suspended: not made, after failures in a row.',
          unit: 'cps',
          queries: {
            '{{outcome}}':
              'sum by (outcome) (rate(pulse_enrichment_calls_total[$__rate_interval]))',
          },
          runbook: 'handler-failing',
        },
        {
          kind: 'graph',
          title: 'Time of a call of the external service',
          description: 'Only with ENRICHMENT_URL. ENRICHMENT_TIMEOUT_MS is the limit.',
          unit: 's',
          queries: {
            p50: quantile(0.5, 'pulse_enrichment_call_seconds', 'le'),
            p99: quantile(0.99, 'pulse_enrichment_call_seconds', 'le'),
          },
          runbook: 'handler-failing',
        },
      ],
    },
  ],
};

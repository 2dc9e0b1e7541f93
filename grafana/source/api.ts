/** What users of the API meet: requests, errors, times. */
import type { DashboardSource } from './panel.ts';

const quantile = (share: number): string =>
  `histogram_quantile(${share}, sum by (le) (rate(pulse_api_request_seconds_bucket[$__rate_interval])))`;

export const api: DashboardSource = {
  uid: 'api',
  title: 'API',
  description: 'What users of the API meet: requests, errors, times.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'stat',
          title: 'Error budget left',
          description:
            'Of the 0.1 % of requests that may fail in 30 days. Below 0 it is overdrawn.',
          unit: 'percentunit',
          queries: {
            left: '1 - (sum(increase(pulse_api_server_errors_total[30d])) / sum(increase(pulse_api_requests_total[30d]))) / 0.001',
          },
          levels: [
            { from: -1_000, color: 'red' },
            { from: 0, color: 'yellow' },
            { from: 0.25, color: 'green' },
          ],
          runbook: 'api-error-budget',
        },
        {
          kind: 'stat',
          title: 'Requests a second',
          description: 'Without health checks.',
          unit: 'reqps',
          queries: { requests: 'sum(rate(pulse_api_requests_total[$__rate_interval]))' },
        },
        {
          kind: 'stat',
          title: 'Answered with an error',
          description: 'Share of requests that failed on our side (5xx).',
          unit: 'percentunit',
          queries: {
            errors:
              'sum(rate(pulse_api_server_errors_total[$__rate_interval])) / sum(rate(pulse_api_requests_total[$__rate_interval]))',
          },
          levels: [
            { from: 0.001, color: 'yellow' },
            { from: 0.01, color: 'red' },
          ],
          runbook: 'api-error-budget',
        },
        {
          kind: 'stat',
          title: '99 of 100 answers within',
          description: 'Over all routes.',
          unit: 's',
          queries: { p99: quantile(0.99) },
          levels: [{ from: 1, color: 'yellow' }],
        },
        {
          kind: 'stat',
          title: 'Publications unconfirmed',
          description: 'Of the publisher that replays dead letters.',
          unit: 'none',
          queries: { outstanding: 'sum(pulse_publisher_outstanding)' },
        },
        {
          kind: 'stat',
          title: 'Build',
          description: 'Which version the processes run.',
          unit: 'none',
          queries: {
            '{{version}} on Node.js {{node}}': 'count by (version, node) (pulse_build_info)',
          },
        },
      ],
    },
    {
      title: 'Over time',
      panels: [
        {
          kind: 'graph',
          title: 'Requests a second, by route',
          description: 'Health checks included.',
          unit: 'reqps',
          queries: {
            '{{method}} {{route}}':
              'sum by (method, route) (rate(pulse_api_request_seconds_count[$__rate_interval]))',
          },
        },
        {
          kind: 'graph',
          title: 'Answers a second, by status',
          description: '4xx are the callers’ mistakes, 5xx ours.',
          unit: 'reqps',
          queries: {
            '{{status}}':
              'sum by (status) (rate(pulse_api_request_seconds_count[$__rate_interval]))',
          },
          runbook: 'api-error-budget',
        },
        {
          kind: 'graph',
          title: 'Time to answer',
          description: 'Over all routes.',
          unit: 's',
          queries: { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) },
        },
        {
          kind: 'graph',
          title: 'Time to answer, by route',
          description: '95th percentile.',
          unit: 's',
          queries: {
            '{{route}}':
              'histogram_quantile(0.95, sum by (le, route) (rate(pulse_api_request_seconds_bucket[$__rate_interval])))',
          },
        },
        {
          kind: 'graph',
          title: 'Replays of dead letters',
          description: 'Publications of the API itself since the processes began.',
          unit: 'short',
          queries: {
            confirmed: 'sum(pulse_publisher_confirmed_total)',
            failed: 'sum(pulse_publisher_failed_total)',
          },
        },
        {
          kind: 'graph',
          title: 'Memory of each process',
          description: 'Resident.',
          unit: 'bytes',
          queries: {
            '{{instance}}':
              'max by (instance) (process_resident_memory_bytes * on (instance) group_left () pulse_build_info)',
          },
        },
      ],
    },
  ],
};

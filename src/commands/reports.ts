/** Every report that can be exported. Adding a report adds it here. */
import { messagesReport } from '../events/messages-report.ts';
import type { Reports } from '../exports/exports.ts';
import { ordersReport } from '../orders/orders-report.ts';
import { deadLettersReport } from '../quarantine/dead-letters-report.ts';
import { subscriptionsReport } from '../subscriptions/subscriptions-report.ts';
import { pulsesReport } from '../usage/pulses-report.ts';
import { usageReport } from '../usage/usage-report.ts';

export const REPORTS: Reports = new Map(
  [
    usageReport,
    pulsesReport,
    ordersReport,
    subscriptionsReport,
    messagesReport,
    deadLettersReport,
  ].map((report) => [report.name, report]),
);

/** Endpoints and deliveries as text for people. */
import { printable, tableLines } from '../cli/table.ts';
import { describeAge } from '../cli/wording.ts';
import type { Attempt, Delivery, Endpoint } from '../delivery/delivery.ts';

const line = (name: string, value: string): string => `${name.padEnd(16)}${printable(value)}`;
const instantOr = (instant: Date | null): string => instant?.toISOString() ?? '-';

export function describeEndpoints(rows: readonly Endpoint[], nowMs: number): string[] {
  const failing = ({ failingSince }: Endpoint): string =>
    failingSince === null ? '-' : describeAge(failingSince, nowMs);
  return tableLines(
    [
      { heading: 'ID', text: ({ id }) => id, cut: true },
      { heading: 'STATUS', text: statusOf },
      { heading: 'CLIENT', text: ({ client }) => client, cut: true },
      { heading: 'FAILING SINCE', text: failing },
      { heading: 'URL', text: ({ url }) => url, cut: true },
    ],
    rows,
  );
}

export function describeEndpoint(endpoint: Endpoint): string[] {
  const { types, filter, ratePerSecond, failuresInRow } = endpoint;
  return [
    line('id', endpoint.id),
    line('status', statusOf(endpoint)),
    line('client', endpoint.client),
    line('url', endpoint.url),
    line('description', endpoint.description ?? '-'),
    line('types', types?.join(', ') ?? '- (every type)'),
    line('filter', filter === null ? '- (any data)' : JSON.stringify(filter)),
    line('in order', endpoint.isFifo ? 'yes' : 'no'),
    line('rate', ratePerSecond === null ? '-' : `${ratePerSecond} a second`),
    line('failing since', instantOr(endpoint.failingSince)),
    line('failures in row', String(failuresInRow)),
    line('last attempt', instantOr(endpoint.lastAttemptAt)),
    line('last success', instantOr(endpoint.lastSuccessAt)),
    line('created at', endpoint.createdAt.toISOString()),
  ];
}

function statusOf({ status, disabledReason }: Endpoint): string {
  return disabledReason === null ? status : `${status} (${disabledReason})`;
}

export function describeDeliveries(rows: readonly Delivery[], nowMs: number): string[] {
  return tableLines(
    [
      { heading: 'ID', text: ({ id }) => id },
      { heading: 'STATUS', text: ({ status }) => status },
      { heading: 'ENDPOINT', text: ({ endpointId }) => endpointId, cut: true },
      { heading: 'TYPE', text: ({ type }) => type, cut: true },
      { heading: 'CREATED', text: ({ createdAt }) => describeAge(createdAt, nowMs) },
      { heading: 'LAST', text: lastOf, cut: true },
    ],
    rows,
  );
}

export function describeDelivery(delivery: Delivery): string[] {
  return [
    line('id', delivery.id),
    line('status', delivery.status),
    line('endpoint', delivery.endpointId),
    line('client', delivery.client),
    line('producer', delivery.producer),
    line('message', delivery.messageId),
    line('number', delivery.number),
    line('type', delivery.type),
    line('next attempt', instantOr(delivery.dueAt)),
    line('created at', delivery.createdAt.toISOString()),
  ];
}

function lastOf({ lastStatusCode, lastError }: Delivery): string {
  return [lastStatusCode, lastError].filter((fact) => fact !== null).join(' ') || '-';
}

export function describeAttempts(attempts: readonly Attempt[]): string[] {
  if (attempts.length === 0) return ['No attempts.'];
  return tableLines(
    [
      { heading: 'NUMBER', text: ({ number }) => String(number), align: 'right' },
      { heading: 'AT', text: ({ attemptedAt }) => attemptedAt.toISOString() },
      { heading: 'OUTCOME', text: ({ outcome }) => outcome },
      { heading: 'STATUS', text: ({ statusCode }) => String(statusCode ?? '-'), align: 'right' },
      { heading: 'MS', text: ({ durationMs }) => String(durationMs), align: 'right' },
      { heading: 'ERROR', text: ({ error }) => error ?? '-' },
      { heading: 'ANSWER', text: ({ response }) => response ?? '-', cut: true },
    ],
    attempts,
  );
}

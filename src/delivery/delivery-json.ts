/** Endpoints, deliveries and attempts as callers see them. Never with a secret. */
import { webhookIdOf } from '../events/events.ts';
import type { Attempt, Delivery, Endpoint } from './delivery.ts';

export type EndpointJson = ReturnType<typeof toEndpointJson>;

export function toEndpointJson(endpoint: Endpoint) {
  return {
    id: endpoint.id,
    client: endpoint.client,
    url: endpoint.url,
    description: endpoint.description,
    types: endpoint.types === null ? null : [...endpoint.types],
    filter: endpoint.filter === null ? null : { ...endpoint.filter },
    fifo: endpoint.isFifo,
    rate_per_second: endpoint.ratePerSecond,
    status: endpoint.status,
    disabled_reason: endpoint.disabledReason,
    failing_since: endpoint.failingSince?.toISOString() ?? null,
    failures_in_row: endpoint.failuresInRow,
    last_attempt_at: endpoint.lastAttemptAt?.toISOString() ?? null,
    last_success_at: endpoint.lastSuccessAt?.toISOString() ?? null,
    version: endpoint.version,
    created_at: endpoint.createdAt.toISOString(),
    updated_at: endpoint.updatedAt.toISOString(),
  };
}

export function toDeliveryJson(delivery: Delivery) {
  return {
    id: delivery.id,
    endpoint: delivery.endpointId,
    client: delivery.client,
    producer: delivery.producer,
    message_id: delivery.messageId,
    webhook_id: webhookIdOf({ producer: delivery.producer, id: delivery.messageId }),
    number: Number(delivery.number),
    type: delivery.type,
    status: delivery.status,
    attempt_count: delivery.attemptsTotal,
    next_attempt_at: delivery.dueAt?.toISOString() ?? null,
    last_status_code: delivery.lastStatusCode,
    last_error: delivery.lastError,
    created_at: delivery.createdAt.toISOString(),
    updated_at: delivery.updatedAt.toISOString(),
  };
}

export function toAttemptJson(attempt: Attempt) {
  return {
    number: attempt.number,
    attempted_at: attempt.attemptedAt.toISOString(),
    outcome: attempt.outcome,
    status_code: attempt.statusCode,
    duration_ms: attempt.durationMs,
    error: attempt.error,
    response: attempt.response,
  };
}

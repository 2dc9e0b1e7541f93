/** Writes attempts down: their deliveries, what the endpoint's failures amount to, and whether it is disabled. */
import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { uuidV8 } from '../core/uuid.ts';
import { announcedEvent } from '../events/events-queues.ts';
import { toPublication } from '../messaging/message.ts';
import { writeToOutbox } from '../messaging/outbox.ts';
import { withTransaction } from '../platform/postgres.ts';
import { insertAttempts, updateFailureState, type AttemptRecord } from './sender-query.ts';
import { afterAttempt, FAILING_MS_MAX, type Endpoint, type FailureState } from './delivery.ts';
import { changeStatus, lockEndpoint } from './endpoints-query.ts';

export interface Attempts {
  readonly endpoint: Endpoint;
  /** Before these attempts. */
  readonly failures: FailureState;
  /** The endpoint answered that it is gone. */
  readonly isGone: boolean;
  /** In the order in which they ended; at least one. */
  readonly records: readonly AttemptRecord[];
}

/** @returns What the failures are now, and whether the endpoint was disabled. */
export async function recordAttempts(
  { endpoint, failures, isGone, records }: Attempts,
  { pool, prefix }: { readonly pool: Pick<Pool, 'connect'>; readonly prefix: string },
): Promise<{ readonly failures: FailureState; readonly isDisabled: boolean }> {
  let state = failures;
  for (const { outcome, attemptedAt } of records) {
    state = afterAttempt(state, outcome === 'delivered', attemptedAt);
  }
  const lastAttemptAt = latest(records) ?? new Date();
  const lastSuccessAt = latest(records.filter(({ outcome }) => outcome === 'delivered')) ?? null;
  const isFailing =
    state.failingSince !== null &&
    lastAttemptAt.getTime() - state.failingSince.getTime() >= FAILING_MS_MAX;
  const reason = isGone ? 'gone' : isFailing ? 'failing' : undefined;
  const isDisabled = await withTransaction(pool, async (client) => {
    // First, as those who change an endpoint do, so that neither waits for the other.
    const locked = reason === undefined ? undefined : await lockEndpoint(client, endpoint.id);
    await insertAttempts(client, endpoint.id, records);
    await updateFailureState(client, endpoint.id, { state, lastAttemptAt, lastSuccessAt });
    if (reason === undefined) return false;
    if (locked?.status !== 'enabled') return true;
    await changeStatus(client, locked, { status: 'disabled', reason });
    const data = {
      endpoint_id: endpoint.id,
      url: endpoint.url,
      reason,
      failing_since: state.failingSince?.toISOString() ?? null,
    };
    const { client: owner } = endpoint;
    const id = disablingId(locked);
    const origin = { correlationId: undefined, traceparent: undefined };
    const message = announcedEvent(prefix, 'endpoint.disabled', { id, client: owner, data });
    await writeToOutbox(client, toPublication(message, origin, Date.now()));
    return true;
  });
  return { failures: state, isDisabled };
}

/** Each version of an endpoint is disabled once. */
function disablingId({ id, version }: Pick<Endpoint, 'id' | 'version'>): string {
  return uuidV8(
    createHash('sha256')
      .update(JSON.stringify([id, version]))
      .digest(),
  );
}

function latest(records: readonly AttemptRecord[]): Date | undefined {
  const times = records.map(({ attemptedAt }) => attemptedAt.getTime());
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}

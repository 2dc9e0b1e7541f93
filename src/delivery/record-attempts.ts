/** Writes attempts down: their deliveries, what the endpoint's failures amount to, and whether it is disabled. */
import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { uuidV8 } from '../core/uuid.ts';
import { announcedEvent } from '../events/events-queues.ts';
import { NO_ORIGIN, toPublication } from '../messaging/message.ts';
import { writeToOutbox } from '../messaging/outbox.ts';
import { withTransaction } from '../platform/postgres.ts';
import {
  insertAttempts,
  readFailureState,
  updateFailureState,
  type AttemptRecord,
} from './sender-query.ts';
import {
  afterAttempt,
  FAILING_MS_MAX,
  MESSAGE_EXPIRED,
  type DisabledReason,
  type Endpoint,
  type FailureState,
} from './delivery.ts';
import { changeStatus, lockEndpoint } from './endpoints-query.ts';

export interface Attempts {
  readonly endpoint: Endpoint;
  /** An address that has answered 410. The endpoint may have another one by now. */
  readonly goneUrl: string | undefined;
  /** In the order in which they ended; at least one. */
  readonly records: readonly AttemptRecord[];
}

/** @returns What the failures are now, and whether nothing more may be sent as things were. */
export async function recordAttempts(
  { endpoint, goneUrl, records }: Attempts,
  { pool, prefix }: { readonly pool: Pick<Pool, 'connect'>; readonly prefix: string },
): Promise<{ readonly failures: FailureState; readonly isOver: boolean }> {
  // The others say nothing about the endpoint.
  const sent = records.filter(({ error }) => error !== MESSAGE_EXPIRED);
  const lastAttemptAt = latest(sent);
  const lastSuccessAt = latest(sent.filter(({ outcome }) => outcome === 'delivered')) ?? null;
  return withTransaction(pool, async (client) => {
    // As it is now: the endpoint may have been enabled again while these attempts were in progress.
    let failures = await readFailureState(client, endpoint.id);
    for (const { outcome, attemptedAt } of sent) {
      failures = afterAttempt(failures, outcome === 'delivered', attemptedAt);
    }
    const hasFailed = lastAttemptAt !== undefined && hasFailedTooLong(failures, lastAttemptAt);
    const isOver = goneUrl !== undefined || hasFailed;
    // First, as those who change an endpoint do, so that neither waits for the other.
    const locked = isOver ? await lockEndpoint(client, endpoint.id) : undefined;
    // The answer of an address that the endpoint has left says nothing about the new one.
    const isGone = locked !== undefined && locked.url === goneUrl;
    const reason = isGone ? 'gone' : hasFailed ? 'failing' : null;
    await insertAttempts(client, endpoint.id, records);
    if (lastAttemptAt !== undefined) {
      await updateFailureState(client, endpoint.id, {
        state: failures,
        lastAttemptAt,
        lastSuccessAt,
      });
    }
    if (reason !== null && locked?.status === 'enabled') {
      await changeStatus(client, locked, { status: 'disabled', reason });
      await writeToOutbox(client, disabledEvent(prefix, locked, { reason, failures }));
    }
    return { failures, isOver };
  });
}

function hasFailedTooLong({ failingSince }: FailureState, at: Date): boolean {
  return failingSince !== null && at.getTime() - failingSince.getTime() >= FAILING_MS_MAX;
}

function disabledEvent(
  prefix: string,
  endpoint: Endpoint,
  { reason, failures }: { readonly reason: DisabledReason; readonly failures: FailureState },
) {
  const data = {
    endpoint_id: endpoint.id,
    url: endpoint.url,
    reason,
    failing_since: failures.failingSince?.toISOString() ?? null,
  };
  const about = { id: disablingId(endpoint), client: endpoint.client, data };
  return toPublication(announcedEvent(prefix, 'endpoint.disabled', about), NO_ORIGIN, Date.now());
}

/** Each version of an endpoint is disabled once. Versions begin anew when an id is used again after a long time. */
function disablingId({ id, version, createdAt }: Endpoint): string {
  return uuidV8(
    createHash('sha256')
      .update(JSON.stringify([id, version, createdAt]))
      .digest(),
  );
}

function latest(records: readonly AttemptRecord[]): Date | undefined {
  const times = records.map(({ attemptedAt }) => attemptedAt.getTime());
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}

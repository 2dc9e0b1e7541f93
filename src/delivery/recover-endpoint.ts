/** Sends what an endpoint has missed since an instant: failed deliveries, and messages that it has no delivery of. */
import type { Pool, PoolClient } from 'pg';
import { earliestStoredAfter } from '../events/messages-query.ts';
import { withTransaction } from '../platform/postgres.ts';
import {
  countFailed,
  lockSeen,
  recoverFailed,
  wakeEndpoint,
  withoutDelivery,
  type Recovery,
} from './deliveries-query.ts';
import type { Endpoint } from './delivery.ts';
import { findWanted, type WantedPage } from './find-wanted.ts';
import { insertDeliveries } from './sender-query.ts';

/** In one transaction. */
const FAILED_AT_A_TIME = 1_000;
/** Of one request, which has a time limit. */
const MESSAGES_MAX = 10_000;
const FAILED_MAX = 50_000;

export interface Recovered {
  /** Deliveries that had failed. */
  readonly failedCount: number;
  /** Messages without a delivery, for example of the time when the endpoint was disabled. */
  readonly missedCount: number;
  /** Send the request again, from this instant on; null: that was all. */
  readonly next: Date | null;
}

/**
 * Each step commits by itself, so a request that is cut off has recovered a part, and can be repeated.
 *
 * @param dryRun Counts and changes nothing.
 */
export async function recoverEndpoint(
  pool: Pick<Pool, 'connect' | 'query'>,
  endpoint: Pick<Endpoint, 'id' | 'client' | 'types' | 'filter'>,
  { since, dryRun }: { readonly since: Date; readonly dryRun: boolean },
): Promise<Recovered> {
  const recovery: Recovery = { endpointId: endpoint.id, client: endpoint.client, since };
  const failedCount = dryRun
    ? await countFailed(pool, recovery)
    : await recoverManyFailed(pool, recovery);
  if (!dryRun && failedCount >= FAILED_MAX) return { failedCount, missedCount: 0, next: since };
  let missedCount = 0;
  let after = '0';
  for (let looked = 0; ;) {
    const page = await withTransaction(pool, (client) =>
      recoverMissed(client, { endpoint, since, after, dryRun }),
    );
    missedCount += page.missedCount;
    if (page.last === undefined) return { failedCount, missedCount, next: null };
    after = page.last.number;
    looked += page.count;
    if (looked < MESSAGES_MAX) continue;
    // A message with a higher number may have been stored at an earlier time.
    const next = await earliestStoredAfter(pool, { client: endpoint.client, after, since });
    if (next === null || next > since) return { failedCount, missedCount, next };
  }
}

async function recoverManyFailed(pool: Pick<Pool, 'connect'>, recovery: Recovery): Promise<number> {
  let count = 0;
  while (count < FAILED_MAX) {
    const taken = await withTransaction(pool, async (client) => {
      const recovered = await recoverFailed(client, recovery, FAILED_AT_A_TIME);
      if (recovered > 0) await wakeEndpoint(client, recovery.endpointId);
      return recovered;
    });
    count += taken;
    if (taken < FAILED_AT_A_TIME) break;
  }
  return count;
}

async function recoverMissed(
  client: PoolClient,
  {
    endpoint,
    since,
    after,
    dryRun,
  }: {
    readonly endpoint: Pick<Endpoint, 'id' | 'client' | 'types' | 'filter'>;
    readonly since: Date;
    readonly after: string;
    readonly dryRun: boolean;
  },
): Promise<Pick<WantedPage, 'count' | 'last'> & { readonly missedCount: number }> {
  // What is not looked at yet gets its delivery from the sender.
  const upTo = BigInt(await lockSeen(client, endpoint.id));
  const { wanted, count, last } = await findWanted(client, endpoint, { after, upTo, since });
  const numbers = wanted.map(({ number }) => number);
  const missing = await withoutDelivery(client, endpoint.id, numbers);
  const missed = wanted.filter(({ number }) => missing.has(number));
  if (missed.length > 0 && !dryRun) {
    await insertDeliveries(client, endpoint.id, missed);
    await wakeEndpoint(client, endpoint.id);
  }
  return { missedCount: missed.length, count, last };
}

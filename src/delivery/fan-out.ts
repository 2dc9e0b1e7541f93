/**
 * New messages of a client → a delivery for each endpoint that wants them. An endpoint remembers the number that it has
 * looked at; that number and the deliveries commit together, so each message is looked at once.
 */
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { lockSeenNumbers, updateSeenNumber, type Lease } from './leases-query.ts';
import { insertDeliveries } from './sender-query.ts';
import type { DeliveryStep } from './delivery-steps.ts';
import type { Endpoint } from './delivery.ts';
import { findWanted } from './find-wanted.ts';

interface FanOutDeps {
  readonly pool: Pick<Pool, 'connect'>;
  readonly onStep: (step: DeliveryStep) => void;
}

/**
 * Looks at the next messages of an endpoint's client.
 *
 * @returns Whether there may be more; undefined when the endpoint is not held any more.
 */
export async function fanOut(
  { pool, onStep }: FanOutDeps,
  endpoint: Pick<Endpoint, 'id' | 'client' | 'types' | 'filter'>,
  lease: Lease,
): Promise<boolean | undefined> {
  const { id } = endpoint;
  const looked = await withTransaction(pool, async (client) => {
    const numbers = await lockSeenNumbers(client, lease);
    if (numbers === undefined) return undefined;
    const { wanted, last, isLast } = await findWanted(client, endpoint, { after: numbers.seen });
    if (wanted.length > 0) await insertDeliveries(client, id, wanted);
    // Messages that are not found any more were dropped. They must not count as new for ever.
    const seen = isLast ? greatest(numbers.newest, last?.number) : last?.number;
    if (seen !== undefined && seen !== numbers.seen) await updateSeenNumber(client, id, seen);
    return { hasMore: !isLast, insertedCount: wanted.length };
  });
  if (looked !== undefined && looked.insertedCount > 0) onStep('inserted');
  return looked?.hasMore;
}

function greatest(number: string, other = '0'): string {
  return BigInt(number) > BigInt(other) ? number : other;
}

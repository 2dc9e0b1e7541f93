/**
 * New messages of a client → a delivery for each endpoint that wants them. An endpoint remembers the number that it has
 * looked at; that number and the deliveries commit together, so each message is looked at once.
 */
import type { Pool } from 'pg';
import { pullMessageHeads, pullMessages } from '../events/messages-query.ts';
import { withTransaction } from '../platform/postgres.ts';
import { insertDeliveries, lockSeenNumber, updateSeenNumber, type Lease } from './sender-query.ts';
import type { DeliveryStep } from './delivery-steps.ts';
import { wants, type Endpoint } from './delivery.ts';

const MESSAGES_MAX = 500;
/** With their data, of up to 256 KiB each. */
const WITH_DATA_MAX = 50;

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
  const { id, client: owner, types, filter } = endpoint;
  const looked = await withTransaction(pool, async (client) => {
    const seen = await lockSeenNumber(client, lease);
    if (seen === undefined) return undefined;
    const limit = filter === null ? MESSAGES_MAX : WITH_DATA_MAX;
    const page = { limit, after: seen };
    const messages =
      filter === null
        ? (await pullMessageHeads(client, owner, page)).map((head) => ({ ...head, data: '' }))
        : await pullMessages(client, { client: owner }, page);
    const last = messages.at(-1);
    if (last === undefined) return { hasMore: false, insertedCount: 0 };
    const wanted = messages.filter((message) => wants({ types, filter }, message));
    if (wanted.length > 0) await insertDeliveries(client, id, wanted);
    await updateSeenNumber(client, id, last.number);
    return { hasMore: messages.length === limit, insertedCount: wanted.length };
  });
  if (looked !== undefined && looked.insertedCount > 0) onStep('inserted');
  return looked?.hasMore;
}

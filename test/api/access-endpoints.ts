/** Endpoints for the access matrix, with the name of their tenant in what they show. */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { insertEndpoint } from '../../src/delivery/endpoints-query.ts';
import { createSecretBox } from '../../src/delivery/secret-box.ts';
import { insertAttempts, insertDeliveries } from '../../src/delivery/sender-query.ts';
import { newSecret } from '../../src/delivery/signature.ts';
import type { Event } from '../../src/events/events.ts';
import { readMessage } from '../../src/events/messages-query.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import type { ApiModulesDeps } from '../../src/commands/api-parts.ts';

const secretBox = () => createSecretBox([{ id: 'test', key: Buffer.alloc(32) }]);

/** Every test event is delivered at once, and nothing is sent. */
export function endpointDeps(): Partial<ApiModulesDeps['delivery']> {
  const result = { outcome: 'delivered', statusCode: 204, durationMs: 1, response: '' } as const;
  return { secretBox: secretBox(), sender: { send: () => Promise.resolve(result) } };
}

export function createEndpoints(
  pool: Pool,
  { client, tenant }: { readonly client: string; readonly tenant: string },
) {
  const box = secretBox();
  /** Names the tenant in the URL, because refusals repeat the id. */
  const newEndpoint = async (): Promise<string> => {
    const id = randomUUID();
    const facts = { description: null, types: null, filter: null, ratePerSecond: null };
    const endpoint = {
      ...{ id, client, url: `https://example.com/${tenant}`, isFifo: false },
      ...facts,
    };
    await withTransaction(pool, (connection) =>
      insertEndpoint(connection, endpoint, box.seal(newSecret(), id)),
    );
    return id;
  };
  return {
    newEndpoint,
    async withDelivery({ producer }: Pick<Event, 'producer'>) {
      const endpointId = await newEndpoint();
      const message = await readMessage(pool, { producer, id: 'matrix-message' });
      await insertDeliveries(pool, endpointId, [message!]);
      const { rows } = await pool.query<{ id: string; createdAt: Date }>(
        'SELECT id, created_at AS "createdAt" FROM deliveries WHERE endpoint_id = $1',
        [endpointId],
      );
      const [{ id: deliveryId, createdAt }] = rows as [{ id: string; createdAt: Date }];
      await insertAttempts(pool, endpointId, [
        {
          ...{ deliveryId, createdAt, attemptedAt: new Date(), outcome: 'failed', durationMs: 1 },
          ...{ statusCode: null, error: tenant, response: tenant, dueAt: new Date() },
          attemptCount: 0,
        },
      ]);
      return { endpointId, deliveryId };
    },
  };
}

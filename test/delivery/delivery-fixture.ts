/** Endpoints and their deliveries on a real Postgres, with a sender and real receivers. */
import { randomBytes, randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { createAddressGuard } from '../../src/delivery/address-guard.ts';
import type { Endpoint } from '../../src/delivery/delivery.ts';
import {
  insertEndpoint,
  readEndpoint,
  type NewEndpoint,
} from '../../src/delivery/endpoints-query.ts';
import { createSecretBox } from '../../src/delivery/secret-box.ts';
import { startSender, type Sender } from '../../src/delivery/sender.ts';
import { createWebhookSender, type WebhookSender } from '../../src/delivery/send-webhook.ts';
import { newSecret } from '../../src/delivery/signature.ts';
import { createEventSchemas } from '../../src/events/event-schemas.ts';
import { insertVersion, putProducer } from '../../src/events/events-query.ts';
import { storeEvents } from '../../src/events/store-events.ts';
import { createPool, withTransaction } from '../../src/platform/postgres.ts';
import { isolatedServices } from '../support/isolated.ts';
import { startReceiver, type Receiver } from './receiver.ts';

const logger = pino({ level: 'silent' });
const TIMEOUT_MS = 1_000;

export type DeliveryFixture = Awaited<ReturnType<typeof createDeliveryFixture>>;

export async function createDeliveryFixture() {
  const services = await isolatedServices();
  const pool = createPool(services.databaseUrl, { name: 'test', logger });
  const secretBox = createSecretBox([{ id: 'test', key: randomBytes(32) }]);
  const guard = createAddressGuard({ allowPrivate: true, allowedRanges: [] });
  const webhooks = createWebhookSender({ guard, timeoutMs: TIMEOUT_MS, userAgent: 'test' });
  const schemas = createEventSchemas();
  const producer = 'shop';
  await putProducer(pool, { id: producer, name: null });
  for (const name of ['thing.made', 'thing.sold']) {
    const version = { name, version: 1, schema: { type: 'object' }, description: null };
    await insertVersion(pool, { ...version, isBreaking: false, createdBy: 'test' });
  }
  const senders: Sender[] = [];
  const slowWebhooks: WebhookSender[] = [];
  const slow = (timeoutMs: number): WebhookSender => {
    const made = createWebhookSender({ guard, timeoutMs, userAgent: 'test' });
    slowWebhooks.push(made);
    return made;
  };
  const receivers: Receiver[] = [];
  let nextId = 0;

  const fixture = {
    ...services,
    pool,
    secretBox,
    guard,
    webhooks,
    startSender(timeoutMs = TIMEOUT_MS) {
      const sender = startSender({
        pool,
        secretBox,
        sender: timeoutMs === TIMEOUT_MS ? webhooks : slow(timeoutMs),
        prefix: '',
        logger,
        onAttempt: () => undefined,
        onStep: () => undefined,
      });
      senders.push(sender);
      return sender;
    },
    async startReceiver(answer?: Parameters<typeof startReceiver>[0]) {
      const receiver = await startReceiver(answer);
      receivers.push(receiver);
      return receiver;
    },
    async makeClient() {
      const client = `client-${randomUUID()}`;
      await pool.query(`INSERT INTO customers (id, name, tenant) VALUES ($1, 'Acme', $1)`, [
        client,
      ]);
      return client;
    },
    /** @returns Its id and its secret. */
    async makeEndpoint(client: string, receiver: Receiver, more: Partial<NewEndpoint> = {}) {
      const id = `endpoint-${randomUUID()}`;
      const secret = newSecret();
      const endpoint: NewEndpoint = {
        id,
        client,
        url: receiver.url,
        description: null,
        types: null,
        filter: null,
        isFifo: false,
        ratePerSecond: null,
        ...more,
      };
      await withTransaction(pool, (connection) =>
        insertEndpoint(connection, endpoint, secretBox.seal(secret, id)),
      );
      receiver.secrets.push(secret);
      return { id, secret };
    },
    readEndpoint: (id: string) => readEndpoint(pool, id) as Promise<Endpoint>,
    /** Stores events of a client. @returns Their ids. */
    async store(client: string, datas: readonly object[], type = 'thing.made') {
      const events = datas.map((data) => ({
        producer,
        id: `event-${(nextId += 1)}`,
        type,
        client,
        data,
        dataText: JSON.stringify(data),
        occurredAt: undefined,
      }));
      await withTransaction(pool, (connection) => storeEvents(connection, events, schemas));
      return events.map(({ id }) => id);
    },
    /** What the deliveries of an endpoint have come to, by the number of the message. */
    async deliveries(endpointId: string) {
      const { rows } = await pool.query<{ number: string; status: string; attempts: number }>(
        `SELECT number, status, attempts_total AS attempts FROM deliveries WHERE endpoint_id = $1 ORDER BY number`,
        [endpointId],
      );
      return rows;
    },
    async attempts(endpointId: string) {
      const { rows } = await pool.query<{
        number: number;
        outcome: string;
        status_code: number | null;
        error: string | null;
        response: string | null;
      }>(
        `SELECT number, outcome, status_code, error, response FROM delivery_attempts WHERE endpoint_id = $1
         ORDER BY delivery_id, number`,
        [endpointId],
      );
      return rows;
    },
    /** Whether no sender serves the endpoint at present. */
    async isIdle(endpointId: string) {
      const { rows } = await pool.query<{ isIdle: boolean }>(
        'SELECT held_by IS NULL AS "isIdle" FROM endpoint_states WHERE endpoint_id = $1',
        [endpointId],
      );
      return rows[0]!.isIdle;
    },
    /** Makes everything that waits for a retry due at once. */
    async hurry(endpointId: string) {
      await pool.query(
        `UPDATE deliveries SET due_at = clock_timestamp() WHERE endpoint_id = $1 AND status = 'pending'`,
        [endpointId],
      );
      await pool.query(
        'UPDATE endpoint_states SET due_at = clock_timestamp() WHERE endpoint_id = $1',
        [endpointId],
      );
    },
    async stop() {
      await Promise.all(senders.splice(0).map((sender) => sender.close(5_000)));
      await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
    },
    async close() {
      await fixture.stop();
      await Promise.all([webhooks, ...slowWebhooks].map((one) => one.close()));
      await pool.end();
      await services.close();
    },
  };
  return fixture;
}

/** Registers the hooks of a test file; what it returns is filled in before the first test. */
export function useDeliveryFixture(): DeliveryFixture {
  const fixture = {} as DeliveryFixture;
  beforeAll(async () => {
    Object.assign(fixture, await createDeliveryFixture());
  });
  afterEach(() => fixture.stop());
  afterAll(() => fixture.close());
  return fixture;
}

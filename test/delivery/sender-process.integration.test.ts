/** Events through the real processes, to a real receiver; the sender is killed on the way. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { insertEndpoint } from '../../src/delivery/endpoints-query.ts';
import { createSecretBox, newSecretKeys, parseSecretKeys } from '../../src/delivery/secret-box.ts';
import { newSecret } from '../../src/delivery/signature.ts';
import { insertVersion, putProducer } from '../../src/events/events-query.ts';
import { createPool, withTransaction } from '../../src/platform/postgres.ts';
import { createPublisher } from '../../src/publish/publisher.ts';
import { openFlow } from '../flows/flow-fixture.ts';
import { startReceiver } from './receiver.ts';

const WAIT = { timeout: 90_000, interval: 100 };
const COUNT = 300;
const logger = pino({ level: 'silent' });

test('every event reaches its endpoint, signed, although processor and sender are killed on the way', async () => {
  const keys = newSecretKeys();
  const flow = await openFlow({ WEBHOOK_SECRET_KEYS: keys, WEBHOOK_ALLOW_PRIVATE: 'true' });
  const pool = createPool(flow.env.DATABASE_URL ?? '', {
    name: 'test',
    logger,
  });
  onTestFinished(() => pool.end());
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  const sender = await flow.start('sender');
  const processor = await flow.start('processor');

  const secret = newSecret();
  receiver.secrets.push(secret);
  const client = `client-${randomUUID()}`;
  await pool.query(`INSERT INTO customers (id, name) VALUES ($1, 'Acme')`, [client]);
  await putProducer(pool, { id: 'shop', name: null });
  const version = { name: 'thing.made', version: 1, schema: { type: 'object' }, description: null };
  await insertVersion(pool, { ...version, isBreaking: false, createdBy: 'test' });
  await withTransaction(pool, (connection) =>
    insertEndpoint(
      connection,
      {
        id: 'hook',
        client,
        url: receiver.url,
        description: null,
        types: null,
        filter: null,
        isFifo: false,
        ratePerSecond: 100,
      },
      createSecretBox(parseSecretKeys(keys)).seal(secret, 'hook'),
    ),
  );

  const publisher = createPublisher({ url: flow.env.RABBITMQ_URL ?? '', logger });
  onTestFinished(() => publisher.close());
  await Promise.all(
    Array.from({ length: COUNT }, (_, size) => {
      const event = { id: `${size}`, producer: 'shop', type: 'thing.made', client, data: { size } };
      const body = Buffer.from(JSON.stringify(event));
      return publisher.publish({ exchange: `${flow.queue}.events`, routingKey: 'event', body });
    }),
  );
  await expect.poll(() => receiver.received.length, WAIT).toBeGreaterThan(COUNT / 10);
  for (const process of [sender, processor]) process.signal('SIGKILL');
  await Promise.all([sender.ended, processor.ended]);
  expect(receiver.received.length).toBeLessThan(COUNT);
  // As if the time of the dead sender's lease had passed.
  await pool.query('UPDATE endpoint_states SET held_until = clock_timestamp()');
  await Promise.all([flow.start('sender'), flow.start('processor')]);

  const sizes = () =>
    new Set(receiver.received.map(({ body }) => (JSON.parse(body) as { number: number }).number));
  await expect.poll(() => sizes().size, WAIT).toBe(COUNT);
  expect(receiver.received.every(({ verifiedBy }) => verifiedBy.includes(secret))).toBe(true);
  const delivered = async () => {
    const { rows } = await pool.query<{ count: string }>(
      `SELECT count(*) FROM deliveries WHERE status = 'delivered'`,
    );
    return Number(rows[0]!.count);
  };
  await expect.poll(delivered, WAIT).toBe(COUNT);
}, 240_000);

test('a sender that cannot look for endpoints is not ready', async () => {
  const flow = await openFlow({ WEBHOOK_SECRET_KEYS: newSecretKeys() });
  const pool = createPool(flow.env.DATABASE_URL ?? '', { name: 'test', logger });
  onTestFinished(() => pool.end());
  const sender = await flow.start('sender');
  const failing = async () => {
    const response = await fetch(`${sender.ready.metrics}/health/ready`);
    const { checks } = (await response.json()) as { checks: { name: string; ready: boolean }[] };
    expect(checks.map(({ name }) => name)).toContain('deliveries');
    return checks.filter(({ ready }) => !ready).map(({ name }) => name);
  };
  await expect.poll(failing, WAIT).toEqual([]);
  await pool.query('ALTER TABLE endpoint_states RENAME TO elsewhere');
  await expect.poll(failing, WAIT).toEqual(['deliveries']);
  await pool.query('ALTER TABLE elsewhere RENAME TO endpoint_states');
  await expect.poll(failing, WAIT).toEqual([]);
});

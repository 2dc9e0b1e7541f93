import { randomUUID } from 'node:crypto';
import { connect, type ConsumeMessage } from 'amqplib';
import { expect, onTestFinished, test, vi } from 'vitest';
import { REPLAY_HEADER } from '../../src/messaging/message.ts';
import { REQUEST_KEYS } from '../../src/subscriptions/subscriptions-queues.ts';
import { withChannel } from '../support/servers.ts';
import { useSubscriptionsFixture } from './subscriptions-fixture.ts';

const WAIT = { timeout: 20_000, interval: 50 };
const fixture = useSubscriptionsFixture();

const purchase = async () =>
  (await fixture.ask('purchased', { user_id: `user-${randomUUID()}` })).subscription;

test('a subscription is purchased, canceled and restarted, and its changes say so', async () => {
  const bought = await fixture.ask('purchased', { user_id: 7, sku: 'ABC' });
  expect(bought).toMatchObject({
    ok: true,
    subscription: { user_id: '7', sku: 'ABC', status: 'active', pending: [] },
  });
  const { id } = bought.subscription;
  const canceled = await fixture.ask('canceled', { id });
  expect(canceled).toMatchObject({ ok: true, subscription: { id, status: 'canceled' } });
  const restarted = await fixture.ask('restarted', { id });
  expect(restarted).toMatchObject({ ok: true, subscription: { id, status: 'active' } });
  const changes = await fixture.changes(id);
  expect(changes.map(({ number, kind, state, cause }) => [number, kind, state, cause])).toEqual([
    [1, 'purchased', 'in_effect', 'rpc'],
    [2, 'canceled', 'in_effect', 'rpc'],
    [3, 'restarted', 'in_effect', 'rpc'],
  ]);
});

test('what the status does not allow is answered with a refusal, and changes nothing', async () => {
  const { id } = await purchase();
  expect(await fixture.ask('restarted', { id })).toMatchObject({
    ok: false,
    code: 'subscription_status',
    detail: 'The subscription is active: it cannot be restarted.',
  });
  expect(await fixture.ask('canceled', { id: randomUUID() })).toMatchObject({
    ok: false,
    code: 'unknown_subscription',
  });
  expect(await fixture.changes(id)).toHaveLength(1);
});

test('a body that no queue takes is answered, and becomes a dead letter', async () => {
  expect(await fixture.ask('canceled', { id: 'x' })).toEqual({
    ok: false,
    code: 'invalid_message',
    detail: 'id must be a UUID.',
  });
  await expect.poll(fixture.takeDeadLetter, WAIT).not.toBe(false);
});

test('a message that comes twice takes effect once, and has the same answer', async () => {
  const messageId = randomUUID();
  const first = await fixture.ask('purchased', { user_id: 'twice' }, messageId);
  const second = await fixture.ask('purchased', { user_id: 'twice' }, messageId);
  expect(second).toEqual(first);
  const { rows } = await fixture.pool.query(`SELECT FROM subscriptions WHERE user_id = 'twice'`);
  expect(rows).toHaveLength(1);
});

test('a message that comes again with an address has the answer that nobody asked for at first', async () => {
  const messageId = randomUUID();
  await fixture.publish({
    exchange: `${fixture.prefix}SUBSCRIPTIONS`,
    routingKey: REQUEST_KEYS.purchased,
    body: Buffer.from('{"user_id":"later"}'),
    messageId,
  });
  const owned = async () => {
    const { rows } = await fixture.pool.query<{ id: string }>(
      `SELECT id FROM subscriptions WHERE user_id = 'later'`,
    );
    return rows;
  };
  await expect.poll(owned, WAIT).toHaveLength(1);
  const { subscription } = await fixture.ask('purchased', { user_id: 'later' }, messageId);
  expect([{ id: subscription.id }]).toEqual(await owned());
});

test('a request that is replayed from the quarantine has the answer of its replay', async () => {
  const messageId = randomUUID();
  expect(await fixture.ask('purchased', {}, messageId)).toMatchObject({ code: 'invalid_message' });
  await fixture.publish({
    exchange: '',
    routingKey: `${fixture.prefix}PURCHASED`,
    body: Buffer.from('{"user_id":"replayed"}'),
    messageId,
    headers: { [REPLAY_HEADER]: randomUUID() },
  });
  const ask = () => fixture.ask('purchased', {}, messageId);
  await expect
    .poll(ask, WAIT)
    .toMatchObject({ ok: true, subscription: { user_id: 'replayed', status: 'active' } });
});

test('of 50 cancellations at once, one succeeds', async () => {
  const { id } = await purchase();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => fixture.ask('canceled', { id })),
  );
  expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  expect(new Set(answers.filter(({ ok }) => !ok).map(({ code }) => code))).toEqual(
    new Set(['subscription_status']),
  );
  expect(await fixture.changes(id)).toHaveLength(2);
});

test('a change of a later instant is pending, takes effect at its time and is announced', async () => {
  const { id } = await purchase();
  const inbox = `${fixture.prefix}listener`;
  await withChannel(fixture.rabbitmqUrl, async (channel) => {
    await channel.assertQueue(inbox);
    await channel.bindQueue(inbox, `${fixture.prefix}SUBSCRIPTIONS`, 'subscription.canceled');
  });
  const at = new Date(Date.now() + 1_500).toISOString();
  const { subscription } = await fixture.ask('canceled', { id, effective_at: at });
  expect(subscription).toMatchObject({
    status: 'active',
    pending: [{ number: 2, kind: 'canceled', effective_at: at }],
  });
  await expect.poll(async () => (await fixture.read(id))?.status, WAIT).toBe('canceled');
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(at));
  const message = await vi.waitFor(async () => {
    const got = await withChannel(fixture.rabbitmqUrl, (channel) =>
      channel.get(inbox, { noAck: true }),
    );
    if (got === false) throw new Error('There is no announcement yet.');
    return got;
  }, WAIT);
  expect(JSON.parse(message.content.toString())).toMatchObject({ id, number: 2, effective_at: at });
  await withChannel(fixture.rabbitmqUrl, (channel) => channel.deleteQueue(inbox));
});

test('changes of the same instant take effect together, once each, and wait for no locked subscription', async () => {
  const inbox = `${fixture.prefix}midnight`;
  await withChannel(fixture.rabbitmqUrl, async (channel) => {
    await channel.assertQueue(inbox);
    await channel.bindQueue(inbox, `${fixture.prefix}SUBSCRIPTIONS`, 'subscription.canceled');
  });
  const locker = await fixture.pool.connect();
  onTestFinished(() => {
    locker.release(true);
  });
  const { rows } = await locker.query<{ id: string }>(
    `WITH purchased AS (
       INSERT INTO subscriptions (id, user_id, status, applied_number)
       SELECT gen_random_uuid(), 'midnight', 'active', 1 FROM generate_series(1, 300) RETURNING id)
     INSERT INTO subscription_changes (subscription_id, number, kind, effective_at, cause, changed_by)
     SELECT id, number, CASE number WHEN 1 THEN 'purchased' ELSE 'canceled' END, now(), 'rpc', 'test'
     FROM purchased, generate_series(1, 2) AS number
     RETURNING subscription_id AS id`,
  );
  const [lockedId] = rows.map(({ id }) => id);
  await locker.query('BEGIN');
  await locker.query('SELECT FROM subscriptions WHERE id = $1 FOR UPDATE', [lockedId]);
  await fixture.pool.query(
    `UPDATE subscriptions SET due_at = now() WHERE user_id = 'midnight' AND id <> $1`,
    [lockedId],
  );
  await locker.query(`UPDATE subscriptions SET due_at = '2026-01-01' WHERE id = $1`, [lockedId]);
  await locker.query('COMMIT');
  await locker.query('BEGIN');
  await locker.query('SELECT FROM subscriptions WHERE id = $1 FOR UPDATE', [lockedId]);
  const canceled = async () => {
    const { rows: counts } = await fixture.pool.query(
      `SELECT count(*)::integer AS count, count(DISTINCT changed_xid)::integer AS transactions
       FROM subscriptions WHERE user_id = 'midnight' AND status = 'canceled'`,
    );
    return counts[0] as { count: number; transactions: number };
  };
  await expect.poll(canceled, WAIT).toMatchObject({ count: 299 });
  expect((await canceled()).transactions).toBeLessThan(10);
  await locker.query('COMMIT');
  await expect.poll(canceled, WAIT).toMatchObject({ count: 300 });
  const announced = new Set<string>();
  await withChannel(fixture.rabbitmqUrl, async (channel) => {
    await channel.consume(inbox, (message) => {
      const { id } = JSON.parse(String(message?.content)) as { id: string };
      expect(announced).not.toContain(id);
      announced.add(id);
    });
    await expect.poll(() => announced.size, WAIT).toBe(300);
    await channel.deleteQueue(inbox);
  });
});

test('a completed order purchases each recurring product once, however often it is announced', async () => {
  const skus = [randomUUID(), randomUUID(), randomUUID()] as const;
  const { id, customerId } = await fixture.completedOrder([
    { sku: skus[0], recurring: true },
    { sku: skus[1], recurring: false },
    { sku: skus[2], recurring: true },
  ]);
  for (let count = 0; count < 3; count++) await fixture.announceCompleted(id);
  const bought = async () => {
    const { rows } = await fixture.pool.query<{ sku: string }>(
      'SELECT sku FROM subscriptions WHERE user_id = $1 AND order_id = $2',
      [customerId, id],
    );
    return rows.map(({ sku }) => sku).sort();
  };
  await expect.poll(bought, WAIT).toEqual([skus[0], skus[2]].sort());
  await expect
    .poll(async () => {
      const { rows } = await fixture.pool.query<{ count: string }>(
        `SELECT count(*) FROM inbox WHERE queue = $1`,
        [`${fixture.prefix}orders.subscriptions`],
      );
      return Number(rows[0]?.count);
    }, WAIT)
    .toBe(3);
  expect(await bought()).toHaveLength(2);
});

test('a request that nobody handles in time is late, and takes effect once', async () => {
  await fixture.pause();
  const body = Buffer.from(JSON.stringify({ user_id: 'late' }));
  const request = {
    exchange: `${fixture.prefix}SUBSCRIPTIONS`,
    routingKey: 'SUBSCRIPTIONS_PURCHASED',
    body,
    messageId: randomUUID(),
  };
  expect(await fixture.rpc.call(request, 1_000)).toBeUndefined();
  fixture.resume();
  expect(await fixture.rpc.call(request, 20_000)).toMatchObject({ ok: true });
  const { rows } = await fixture.pool.query(`SELECT FROM subscriptions WHERE user_id = 'late'`);
  expect(rows).toHaveLength(1);
});

test('a client that counts its requests from 1 again, without message ids, is answered anew', async () => {
  const { connection, channel } = await openClient(fixture.rabbitmqUrl);
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const answers: string[] = [];
  const take = (message: ConsumeMessage | null) =>
    message !== null && answers.push(message.content.toString());
  await channel.consume(queue, take, { noAck: true });
  for (const expected of [1, 2]) {
    channel.publish(
      `${fixture.prefix}SUBSCRIPTIONS`,
      'SUBSCRIPTIONS_PURCHASED',
      Buffer.from('{"user_id":"counter"}'),
      { replyTo: queue, correlationId: '1' },
    );
    await expect.poll(() => answers.length, WAIT).toBe(expected);
  }
  await connection.close();
  expect(new Set(answers).size).toBe(2);
});

async function openClient(url: string) {
  const connection = await connect(url);
  return { connection, channel: await connection.createChannel() };
}

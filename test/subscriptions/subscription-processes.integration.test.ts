/** A cancellation by RPC through the real processes, killed after each step of a message. */
import { randomUUID } from 'node:crypto';
import { connect, type Channel } from 'amqplib';
import { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { MESSAGE_STEPS, type MessageStep } from '../../src/messaging/message-steps.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { purchaseSubscription } from '../../src/subscriptions/change-subscription.ts';
import { listChanges, readSubscription } from '../../src/subscriptions/subscriptions-query.ts';
import { openFlow, type Flow } from '../flows/flow-fixture.ts';
import { forgetRelays } from '../messaging/dead-relays.ts';
import { beginKilledAfter } from '../orders/order-shop.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';

const WAIT = { timeout: 90_000, interval: 100 };
const REQUEST = { messageId: randomUUID(), correlationId: 'the caller' };

/** A caller with a reply queue, which its connection keeps while processes are killed. */
async function openCaller(flow: Flow) {
  const connection = await connect(flow.env.RABBITMQ_URL ?? '');
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const { queue: replyTo } = await channel.assertQueue('', { exclusive: true });
  const answers = await collect(channel, replyTo);
  return {
    answers,
    async cancel(id: string) {
      const body = Buffer.from(JSON.stringify({ id }));
      const exchange = `${flow.queue}.SUBSCRIPTIONS`;
      const options = { ...REQUEST, replyTo, persistent: true, mandatory: true };
      channel.publish(exchange, 'SUBSCRIPTIONS_CANCELED', body, options);
      await channel.waitForConfirms();
    },
    /** The ids of the messages that announce a cancellation, from now on. */
    async announced() {
      const { queue } = await channel.assertQueue('', { exclusive: true });
      await channel.bindQueue(queue, `${flow.queue}.SUBSCRIPTIONS`, 'subscription.canceled');
      return collect(channel, queue, ({ messageId }) => String(messageId));
    },
  };
}

async function collect(
  channel: Channel,
  queue: string,
  read: (properties: { messageId: unknown }, body: string) => string = (_properties, body) => body,
): Promise<string[]> {
  const texts: string[] = [];
  await channel.consume(
    queue,
    (message) => {
      if (message !== null) texts.push(read(message.properties, message.content.toString()));
    },
    { noAck: true },
  );
  return texts;
}

/** @returns The id of an active subscription. Nothing announces it, so the first message is the caller's. */
async function storeSubscription(pool: Pool): Promise<string> {
  const id = randomUUID();
  const result = await withTransaction(pool, (client) =>
    purchaseSubscription(
      { client, prefix: '', publish: () => Promise.resolve() },
      { id, userId: 'acme' },
      { cause: 'rpc', changedBy: 'test' },
    ),
  );
  expect(result.ok).toBe(true);
  return id;
}

/** Before `acknowledged`, RabbitMQ has the message still, and delivers it again. */
const isOver = (step: MessageStep): boolean => step === 'acknowledged';

test.each(MESSAGE_STEPS.filter((step) => step !== 'committed'))(
  'a cancellation takes effect once, with one answer, when its processor is killed right after a message is %s',
  async (step) => {
    const flow = await openFlow();
    const pool = new Pool({ connectionString: flow.env.DATABASE_URL ?? '', max: 2 });
    pool.on('error', () => undefined);
    onTestFinished(() => pool.end());
    const killed = beginKilledAfter(flow, 'processor', step);
    await killed.firstLine();
    const caller = await openCaller(flow);
    const announced = await caller.announced();
    const id = await storeSubscription(pool);
    await caller.cancel(id);
    expect((await killed.ended).exitCode).toBeNull();
    await forgetRelays(pool);

    await flow.start('processor');
    if (!isOver(step)) await expect.poll(() => caller.answers.length, WAIT).toBeGreaterThan(0);
    const earlierCount = caller.answers.length;
    await caller.cancel(id);
    await expect.poll(() => caller.answers.length, WAIT).toBeGreaterThan(earlierCount);
    const [answer = ''] = caller.answers;
    expect(JSON.parse(answer)).toMatchObject({
      ok: true,
      subscription: { id, status: 'canceled' },
    });
    expect(new Set(caller.answers)).toEqual(new Set([answer]));

    const changes = await listChanges(pool, id, { limit: 10 });
    expect(changes.map(({ number, kind, state }) => [number, kind, state])).toEqual([
      [2, 'canceled', 'in_effect'],
      [1, 'purchased', 'in_effect'],
    ]);
    expect(await readSubscription(pool, id)).toMatchObject({ status: 'canceled' });
    const jobs = () => pool.query('SELECT FROM graphile_worker.jobs');
    await expect.poll(async () => (await jobs()).rowCount, WAIT).toBe(0);
    await expect.poll(() => new Set(announced).size, WAIT).toBe(1);
  },
  MANY_STEPS_TIMEOUT_MS,
);

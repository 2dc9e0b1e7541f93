/** Orders through the real processes, killed after each step of a message, and with misconfigured or unavailable servers. */
import { expect, onTestFinished, test } from 'vitest';
import { MESSAGE_STEPS } from '../../src/messaging/message-steps.ts';
import { startEnrichmentStandIn } from '../../src/orders/enrichment-stand-in.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { withChannel } from '../support/servers.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { forgetRelays } from '../messaging/dead-relays.ts';
import { beginKilledAfter, openShop, TOKEN } from './order-shop.ts';

const AS_TOKEN = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };

async function postOrder(api: string, key: string) {
  const response = await fetch(`${api}/orders`, {
    method: 'POST',
    headers: { ...AS_TOKEN, 'idempotency-key': key },
    body: JSON.stringify({ customer_id: 'acme', items: [{ sku: 'thing', qty: 2 }] }),
  });
  return { status: response.status, body: (await response.json()) as { order_id: string } };
}

test.each(MESSAGE_STEPS.filter((step) => step !== 'committed' && step !== 'replied'))(
  'an order completes once when its processor is killed right after a message is %s',
  async (step) => {
    const { flow, pool, store, endsOnce } = await openShop();
    const killed = beginKilledAfter(flow, 'processor', step);
    await killed.firstLine();
    const id = await store();
    expect((await killed.ended).exitCode).toBeNull();
    await forgetRelays(pool);
    await Promise.all([flow.start('processor'), flow.start('enricher')]);
    await endsOnce(id);
  },
  MANY_STEPS_TIMEOUT_MS,
);

test.each(['written', 'committed'])(
  'a key creates one order even if the API is killed right after it is %s',
  async (step) => {
    const { flow, pool, endsOnce } = await openShop();
    const killed = beginKilledAfter(flow, 'api', step);
    const { api } = JSON.parse(await killed.firstLine()) as { api: string };
    await expect(postOrder(api, 'once')).rejects.toThrow();
    expect((await killed.ended).exitCode).toBeNull();
    await forgetRelays(pool);
    const [{ ready }] = await Promise.all([
      flow.start('api'),
      flow.start('processor'),
      flow.start('enricher'),
    ]);
    const again = await postOrder(ready.api ?? '', 'once');
    expect(again.status).toBe(202);
    await endsOnce(again.body.order_id);
    expect((await pool.query('SELECT FROM orders')).rowCount).toBe(1);
  },
  MANY_STEPS_TIMEOUT_MS,
);

test('a processor refuses a queue that exists with other arguments, and names them', async () => {
  const { flow } = await openShop();
  const queue = `${flow.queue}.orders.processing`;
  await withChannel(flow.env.RABBITMQ_URL ?? '', (channel) =>
    channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } }),
  );
  const { exitCode, stderr } = await flow.run(['processor']);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`"${queue}"`);
  expect(stderr).toContain('exists with a different x-');
});

test('while Redis is unavailable the API accepts orders and answers them from Postgres', async () => {
  const { flow } = await openShop();
  const redis = await startTcpProxy(flow.env.REDIS_URL ?? '');
  onTestFinished(() => redis.close());
  const { ready } = await flow.start('api', { REDIS_URL: redis.url });
  redis.cut();
  const api = ready.api ?? '';
  const { status, body } = await postOrder(api, 'without-redis');
  expect(status).toBe(202);
  const read = await fetch(`${api}/orders/${body.order_id}`, { headers: AS_TOKEN });
  expect(read.status).toBe(200);
  expect(await read.json()).toMatchObject({ id: body.order_id, status: 'pending' });
});

test('a processor and an enricher start and complete orders while Redis is unavailable', async () => {
  const { flow, store, endsOnce } = await openShop();
  const redis = await startTcpProxy(flow.env.REDIS_URL ?? '');
  onTestFinished(() => redis.close());
  redis.cut();
  const env = { REDIS_URL: redis.url, START_TIMEOUT_SECONDS: '20' };
  await Promise.all([flow.start('processor', env), flow.start('enricher', env)]);
  await endsOnce(await store());
});

test.each(['delivered', 'written', 'handled'])(
  'an order is enriched once when its enricher is killed right after a message is %s',
  async (step) => {
    const keys: string[] = [];
    const service = await startEnrichmentStandIn({
      host: '127.0.0.1',
      port: 0,
      delayMs: 0,
      failRate: 0,
      failSku: undefined,
      refuseSku: undefined,
      onAnswer: (_status, key) => keys.push(key),
    });
    onTestFinished(() => service.close());
    const { flow, store, endsOnce } = await openShop({ ENRICHMENT_URL: service.url });
    const killed = beginKilledAfter(flow, 'enricher', step);
    await killed.firstLine();
    await flow.start('processor');
    const id = await store();
    expect((await killed.ended).exitCode).toBeNull();
    await flow.start('enricher');
    await endsOnce(id);
    // After the commit nobody calls again.
    const calls = step === 'written' ? 2 : 1;
    expect(keys).toEqual(Array<string>(calls).fill(keys[0] ?? ''));
    expect(keys[0]).toContain(id);
  },
  MANY_STEPS_TIMEOUT_MS,
);

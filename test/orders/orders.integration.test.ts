import { randomUUID } from 'node:crypto';
import type { ServerResponse as Response } from 'node:http';
import { describe, expect, test } from 'vitest';
import { ATTEMPT_HEADER, PUT_OFF_HEADER } from '../../src/messaging/message.ts';
import { HISTORY_MAX } from '../../src/orders/orders.ts';
import { AGREE, useOrdersFixture, WAIT, type OrdersFixture } from './orders-fixture.ts';

const { fixture, becomes } = useOrdersFixture();

describe('an order', () => {
  test('is priced, checked and completed, with its whole history', async () => {
    const { customerId, sku } = await fixture.newOffer();
    const id = await fixture.order(customerId, [{ sku, qty: 3 }]);
    await becomes(id, 'completed');
    const order = await fixture.read(id);
    expect(order).toMatchObject({
      totalAmount: '7.5',
      items: [{ sku, qty: 3, unitAmount: '2.5', amount: '7.5' }],
      customer: { name: 'Acme', email: null, tenant: null },
      enrichment: { risk: 'low' },
      failure: null,
    });
    expect(order?.history.map(({ status, reason }) => [status, reason])).toEqual([
      ['pending', 'created'],
      ['processing', 'taken_up'],
      ['processing', 'enriched'],
      ['completed', 'completed'],
    ]);
    expect(fixture.service.keys).toEqual([id]);
  });

  test('keeps the price of its enrichment when the price changes later', async () => {
    const { customerId, sku } = await fixture.newOffer();
    const id = await fixture.order(customerId, [{ sku, qty: 1 }]);
    await becomes(id, 'completed');
    await fixture.pool.query(
      `INSERT INTO prices (sku, currency, unit_amount, valid_from, created_by)
       VALUES ($1, 'EUR', 99, now(), 'test')`,
      [sku],
    );
    expect((await fixture.read(id))?.totalAmount).toBe('2.5');
    const later = await fixture.order(customerId, [{ sku, qty: 1 }]);
    await becomes(later, 'completed');
    expect((await fixture.read(later))?.totalAmount).toBe('99');
  });

  test('moves through the tiers of the month together with the others of its customer', async () => {
    const steps = [
      { up_to: 10, unit_amount: '1' },
      { up_to: null, unit_amount: '0.5' },
    ];
    const { customerId, sku } = await fixture.newOffer({ tiers: { mode: 'graduated', steps } });
    const ids = await Promise.all(
      Array.from({ length: 5 }, () => fixture.order(customerId, [{ sku, qty: 4 }])),
    );
    for (const id of ids) await becomes(id, 'completed');
    const totals = await Promise.all(ids.map(async (id) => (await fixture.read(id))?.totalAmount));
    // 10 units at 1 and 10 at 0.5, in whichever order the two were enriched.
    expect(totals.reduce((sum, total) => sum + Number(total), 0)).toBe(15);
  });

  test.each([
    ['unknown_customer', (offer: Offer) => ['nobody', offer.sku]],
    ['unknown_sku', (offer: Offer) => [offer.customerId, 'nothing']],
  ] as const)('fails as %s, with a dead letter of its queue', async (code, pick) => {
    const [customerId = '', sku = ''] = pick(await fixture.newOffer());
    const id = await fixture.order(customerId, [{ sku, qty: 1 }]);
    await becomes(id, 'failed');
    expect((await fixture.read(id))?.failure?.code).toBe(code);
    expect(fixture.outcomes).toContainEqual(['orders.enrichment', 'impossible']);
    await expect
      .poll(() => fixture.takeDeadLetter(), WAIT)
      .toMatchObject({
        properties: { headers: { 'x-pulse-queue': `${fixture.prefix}orders.enrichment` } },
      });
  });

  test('fails without a price, and continues when its message is replayed', async () => {
    const { customerId, sku } = await fixture.newOffer();
    const id = await fixture.order(customerId, [{ sku: `${sku}-later`, qty: 1 }]);
    await becomes(id, 'failed');
    const letter = await fixture.nextDeadLetter();
    await fixture.pool.query(
      `INSERT INTO products (sku, name, unit) VALUES ($1, 'Later', 'count')`,
      [`${sku}-later`],
    );
    await fixture.pool.query(
      `INSERT INTO prices (sku, currency, unit_amount, valid_from, created_by)
       VALUES ($1, 'EUR', 4, now() - interval '1 hour', 'test')`,
      [`${sku}-later`],
    );
    await fixture.publish({
      exchange: '',
      routingKey: `${fixture.prefix}orders.enrichment`,
      body: letter.content,
      messageId: letter.properties.messageId as string,
      headers: { 'pulse-replay-id': 'b3a3c0ff-9a46-4a7b-8d0a-0f2f4e4d3c2b' },
    });
    await becomes(id, 'completed');
    const order = await fixture.read(id);
    expect(order).toMatchObject({ totalAmount: '4', failure: null });
    expect(order?.history.map(({ reason }) => reason)).toEqual([
      'created',
      'taken_up',
      'unknown_sku',
      'replayed',
      'enriched',
      'completed',
    ]);
  });

  test('is not taken up again when its history is full, however often it is replayed', async () => {
    const { customerId, sku } = await fixture.newOffer();
    const id = await fixture.order(customerId, [{ sku: `${sku}-never`, qty: 1 }]);
    await becomes(id, 'failed');
    const letter = await fixture.nextDeadLetter();
    await fixture.pool.query(
      `INSERT INTO order_changes (order_id, version, status, reason)
       SELECT $1, number, 'failed', 'unknown_sku' FROM generate_series(4, $2) number`,
      [id, HISTORY_MAX - 1],
    );
    await fixture.pool.query('UPDATE orders SET version = $2 WHERE id = $1', [id, HISTORY_MAX - 1]);
    const replay = async (queue: string) => {
      await fixture.publish({
        exchange: '',
        routingKey: fixture.prefix + queue,
        body: letter.content,
        messageId: letter.properties.messageId as string,
        headers: { 'pulse-replay-id': randomUUID() },
      });
      return JSON.stringify((await fixture.nextDeadLetter()).properties.headers);
    };
    expect(await replay('orders.enrichment')).toContain('unknown_sku');
    const before = await fixture.read(id);
    expect(before?.history).toHaveLength(HISTORY_MAX + 1);
    await fixture.pool.query(
      `INSERT INTO products (sku, name, unit) VALUES ($1, 'Late', 'count')`,
      [`${sku}-never`],
    );
    expect(await replay('orders.enrichment')).toContain('no_price');
    await fixture.pool.query(
      `INSERT INTO prices (sku, currency, unit_amount, valid_from, created_by)
       VALUES ($1, 'EUR', 4, now() - interval '1 hour', 'test')`,
      [`${sku}-never`],
    );
    expect(await replay('orders.enrichment')).toContain('too_many_replays');
    expect(await replay('orders.processing')).toContain('too_many_replays');
    expect(await fixture.read(id)).toEqual(before);
  });

  test('shows why its replay failed, not why it failed at first', async () => {
    const { customerId, sku } = await fixture.newOffer();
    const late = `${sku}-late`;
    const id = await fixture.order(customerId, [{ sku: late, qty: 1 }]);
    await becomes(id, 'failed');
    const letter = await fixture.nextDeadLetter();
    await fixture.pool.query(
      `INSERT INTO products (sku, name, unit) VALUES ($1, 'Late', 'count')`,
      [late],
    );
    await fixture.publish({
      exchange: '',
      routingKey: `${fixture.prefix}orders.enrichment`,
      body: letter.content,
      messageId: letter.properties.messageId as string,
      headers: { 'pulse-replay-id': randomUUID() },
    });
    await expect.poll(async () => (await fixture.read(id))?.failure?.code, WAIT).toBe('no_price');
    const reasons = (await fixture.read(id))?.history.map(({ reason }) => reason);
    expect(reasons?.slice(2)).toEqual(['unknown_sku', 'replayed', 'no_price']);
    await fixture.nextDeadLetter();
  });

  test.each([
    ['orders.completion', 'pending'],
    ['orders.processing', 'failed'],
    ['orders.enrichment', 'failed'],
  ])('does not change by a stray message in %s', async (queue, status) => {
    const { customerId, sku } = await fixture.newOffer();
    const ordered = status === 'failed' ? `${sku}-none` : sku;
    const isAnnounced = status === 'failed';
    const id = await fixture.order(customerId, [{ sku: ordered, qty: 1 }], { isAnnounced });
    await becomes(id, status);
    if (status === 'failed') await fixture.nextDeadLetter();
    const before = await fixture.read(id);
    const settledCount = fixture.outcomes.length;
    await fixture.publish({
      exchange: '',
      routingKey: fixture.prefix + queue,
      body: Buffer.from(JSON.stringify({ order_id: id })),
      messageId: randomUUID(),
    });
    await expect.poll(() => fixture.outcomes.length, WAIT).toBeGreaterThan(settledCount);
    expect(await fixture.read(id)).toEqual(before);
  });
});

type Offer = Awaited<ReturnType<OrdersFixture['newOffer']>>;

describe('the enrichment service', () => {
  test.each([
    ['is down with 503', (_request: unknown, response: Response) => response.writeHead(503).end()],
    ['answers garbage', (_request: unknown, response: Response) => response.end('<html>')],
    ['never answers', () => undefined],
    [
      'answers without an end',
      (_request: unknown, response: Response) => response.write('x'.repeat(70_000)),
    ],
  ] as const)('that %s is called again, with the same key', async (_name, answer) => {
    fixture.service.answerWith(answer);
    const { customerId, sku } = await fixture.newOffer();
    const id = await fixture.order(customerId, [{ sku, qty: 1 }]);
    await expect
      .poll(() => fixture.outcomes, WAIT)
      .toContainEqual(['orders.enrichment', 'retried']);
    expect(fixture.service.keys).toEqual([id]);
    fixture.service.answerWith(AGREE);
    await fixture.hurry();
    await becomes(id, 'completed');
    expect(fixture.service.keys).toEqual([id]);
  });

  test('that fails on orders of one customer delays those of no other, and no call that is not made is an attempt', async () => {
    const bad = await fixture.newOffer();
    const good = await fixture.newOffer();
    fixture.service.answerWith((_request, response) => void response.writeHead(503).end());
    const orderBad = () => fixture.order(bad.customerId, [{ sku: bad.sku, qty: 1 }]);
    const ids: string[] = [];
    for (let order = 0; order < 5; order++) ids.push(await orderBad());
    await expect.poll(() => fixture.service.keys.length, WAIT).toBe(5);
    fixture.service.answerWith(AGREE);
    const late = await orderBad();
    await becomes(await fixture.order(good.customerId, [{ sku: good.sku, qty: 1 }]), 'completed');
    const attemptOfLate = async () => {
      const { rows } = await fixture.pool.query<{ headers: Record<string, number> }>(
        `SELECT payload -> 'headers' AS headers FROM graphile_worker._private_jobs
         WHERE convert_from(decode(payload ->> 'bodyBase64', 'base64'), 'UTF8') LIKE '%' || $1 || '%'
           AND run_at > now()`,
        [late],
      );
      return rows[0]?.headers;
    };
    const putOff = { [ATTEMPT_HEADER]: 1, [PUT_OFF_HEADER]: 1 };
    await expect.poll(attemptOfLate, WAIT).toMatchObject(putOff);
    expect(fixture.service.keys).not.toContain(late);
    const settled = async () => {
      await fixture.hurry();
      return Promise.all([...ids, late].map((id) => fixture.statusOf(id)));
    };
    await expect.poll(settled, { ...WAIT, interval: 500 }).toEqual(Array(6).fill('completed'));
  });

  test.each([
    ['refuses the order', 422, {}],
    ['redirects', 302, { location: 'http://127.0.0.1:9/' }],
  ] as const)('that %s makes the order fail at once', async (_name, status, headers) => {
    fixture.service.answerWith((_request, response) => {
      response.writeHead(status, headers).end('no such customer');
    });
    const { customerId, sku } = await fixture.newOffer();
    const id = await fixture.order(customerId, [{ sku, qty: 1 }]);
    await becomes(id, 'failed');
    expect((await fixture.read(id))?.failure).toMatchObject({ code: 'enrichment_refused' });
  });

  test('is not called again for an order whose result is stored', async () => {
    const { customerId, sku } = await fixture.newOffer();
    const id = await fixture.order(customerId, [{ sku, qty: 1 }]);
    await becomes(id, 'completed');
    await fixture.publish({
      exchange: `${fixture.prefix}orders`,
      routingKey: 'order.enrichment.requested',
      body: Buffer.from(JSON.stringify({ order_id: id })),
      messageId: 'another-copy',
    });
    await expect
      .poll(() => fixture.outcomes.filter(([queue]) => queue === 'orders.enrichment'), WAIT)
      .toHaveLength(2);
    expect(fixture.service.keys).toEqual([id]);
    expect(await fixture.statusOf(id)).toBe('completed');
  });
});

import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DEAD_LETTER_HEADERS } from '../../src/contract/rejection.ts';
import { announcedEvent } from '../../src/events/events-queues.ts';
import { storeEvents } from '../../src/events/store-events.ts';
import { orderMessage } from '../../src/orders/orders-queues.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { announcement } from '../../src/subscriptions/subscriptions-queues.ts';
import { useEventsFixture } from './events-fixture.ts';

const fixture = useEventsFixture();
const WAIT = { timeout: 20_000, interval: 50 };

const eventsOf = (
  names: { producer: string; client: string; type: string },
  count: number,
): readonly { id: string; data: { size: number } }[] =>
  Array.from({ length: count }, (_, size) => ({ ...names, id: `event-${size}`, data: { size } }));

describe('events from the queue', () => {
  test('each valid event is stored once, however often it comes', async () => {
    const names = await fixture.make();
    const events = eventsOf(names, 50);
    await fixture.send([...events, ...events]);
    await fixture.send(events);
    await expect.poll(async () => (await fixture.messagesOf(names.client)).length, WAIT).toBe(50);
    await fixture.pause();
    fixture.resume();
    const stored = await fixture.messagesOf(names.client);
    expect(new Set(stored.map(({ id }) => id)).size).toBe(50);
    expect(stored.map(({ number }) => Number(number))).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
  });

  test('numbers have no gap when several producers write to one client at once', async () => {
    const names = await fixture.make();
    const others = await Promise.all([1, 2, 3].map(() => fixture.make()));
    const store = (producer: string, from: number) =>
      withTransaction(fixture.pool, (client) =>
        storeEvents(
          client,
          Array.from({ length: 20 }, (_, index) => ({
            ...names,
            producer,
            id: `${from + index}`,
            data: { size: index },
            dataText: `{"size":${index}}`,
            occurredAt: undefined,
          })),
          fixture.schemas,
        ),
      );
    await Promise.all(
      others.flatMap(({ producer }) => [
        store(producer, 0),
        store(producer, 10),
        store(producer, 20),
      ]),
    );
    const stored = await fixture.messagesOf(names.client);
    expect(stored.map(({ number }) => Number(number))).toEqual(
      Array.from({ length: 120 }, (_, index) => index + 1),
    );
  });

  test('an invalid event is a dead letter that says where it is wrong, and the others of its batch are stored', async () => {
    const names = await fixture.make();
    const good = eventsOf(names, 5);
    const bad = [
      { body: { ...names, id: 'a', data: { size: 'tall' } }, says: 'invalid_data: /data/size' },
      { body: { ...names, id: 'b', data: {}, producer: 'nobody' }, says: 'unknown_producer' },
      { body: { ...names, id: 'c', data: {}, type: 'nothing' }, says: 'unknown_type' },
      { body: { ...names, id: 'd', data: { size: 1 }, client: 'nobody' }, says: 'unknown_client' },
      {
        body: { ...names, id: 'e', data: { size: 1 }, producer: 'pulse' },
        says: 'reserved_producer',
      },
      {
        body: { ...names, id: 'f', data: { size: 1 }, type: 'order.completed' },
        says: 'reserved_type',
      },
      { body: { ...names, id: 'g' }, says: 'invalid_event: /data' },
      { body: '{"id"', says: 'malformed_json' },
    ];
    await fixture.send([...good, ...bad.map(({ body }) => body)]);
    const details: string[] = [];
    await expect
      .poll(async () => {
        const letter = await fixture.takeDeadLetter();
        if (letter !== false) {
          const headers = letter.properties.headers as Record<string, unknown>;
          details.push(String(headers[DEAD_LETTER_HEADERS.detail]));
        }
        return details.length;
      }, WAIT)
      .toBe(bad.length);
    for (const { says } of bad) {
      expect(details.filter((detail) => detail.includes(says))).toHaveLength(1);
    }
    await expect.poll(async () => (await fixture.messagesOf(names.client)).length, WAIT).toBe(5);
  });

  test('keeps the data as it was written', async () => {
    const names = await fixture.make();
    const data = '{"size": 12345678901234567890.10, "text": "é\\u00e9"}';
    await fixture.send([
      `{"id":"exact","producer":"${names.producer}","type":"${names.type}","client":"${names.client}","data":${data}}`,
    ]);
    await expect
      .poll(
        async () => (await fixture.messagesOf(names.client)).map((message) => message.data),
        WAIT,
      )
      .toEqual([data]);
  });

  test('keeps the data of an event that begins with a byte order mark', async () => {
    const names = await fixture.make();
    const event = JSON.stringify({ ...names, id: 'marked', data: { size: 7 } });
    await fixture.send([`\ufeff${event}`]);
    await expect
      .poll(async () => (await fixture.messagesOf(names.client)).map(({ data }) => data), WAIT)
      .toEqual(['{"size":7}']);
  });

  test('takes a CloudEvent', async () => {
    const names = await fixture.make();
    await fixture.send([
      {
        specversion: '1.0',
        id: 'cloud-1',
        source: names.producer,
        subject: names.client,
        type: names.type,
        time: '2026-01-31T10:00:00.5Z',
        data: { size: 1 },
      },
    ]);
    await expect
      .poll(async () => fixture.messagesOf(names.client), WAIT)
      .toMatchObject([{ id: 'cloud-1', occurredAt: new Date('2026-01-31T10:00:00.5Z') }]);
  });
});

describe('what Pulse announces', () => {
  test('becomes an event of its client, once', async () => {
    const { client } = await fixture.make();
    const orderId = randomUUID();
    const more = { customer_id: client, currency: 'EUR', total_amount: '12.5' };
    const id = randomUUID();
    const completed = { ...orderMessage(fixture.prefix, 'completed', { orderId, more }), id };
    await fixture.announce(completed);
    await fixture.announce(completed);
    const change = {
      id: randomUUID(),
      number: 1,
      user_id: client,
      sku: null,
      order_id: null,
      effective_at: '2026-01-31T00:00:00Z',
    };
    await fixture.announce(announcement(fixture.prefix, 'purchased', change));
    const data = {
      endpoint_id: 'one',
      url: 'https://example.com/',
      reason: 'gone',
      failing_since: null,
    };
    await fixture.announce(
      announcedEvent(fixture.prefix, 'endpoint.disabled', { id: randomUUID(), client, data }),
    );
    await expect.poll(async () => (await fixture.messagesOf(client)).length, WAIT).toBe(3);
    const stored = await fixture.messagesOf(client);
    expect(
      Object.fromEntries(stored.map((message) => [message.type, JSON.parse(message.data)])),
    ).toEqual({
      'order.completed': { order_id: orderId, ...more },
      'subscription.purchased': change,
      'endpoint.disabled': data,
    });
    expect(stored.every(({ producer }) => producer === 'pulse')).toBe(true);
  });

  test('is left out when Pulse knows no such customer', async () => {
    const before = fixture.outcomes.length;
    const more = { customer_id: randomUUID(), code: 'unknown_customer', detail: 'Unknown.' };
    await fixture.announce(orderMessage(fixture.prefix, 'failed', { orderId: randomUUID(), more }));
    await expect.poll(() => fixture.outcomes.slice(before), WAIT).toEqual(['done']);
  });
});

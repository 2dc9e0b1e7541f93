import { describe, expect, test } from 'vitest';
import { TakenDeliveries } from '../../src/ingest/taken-deliveries.ts';

const FIELDS = { exchange: 'pulses', routingKey: 'pulses', redelivered: false };
/** As amqplib decodes them if any is set: all members exist, and headers are a new object. */
const PROPERTIES = {
  contentType: 'application/json',
  headers: {},
  deliveryMode: 2,
  messageId: undefined,
  timestamp: undefined,
};

function taken(
  deliveries: readonly { body?: string; fields?: object; properties?: object }[],
): TakenDeliveries {
  const all = new TakenDeliveries();
  for (const { body = '', fields, properties } of deliveries) {
    all.add({
      content: Buffer.from(body),
      fields: { ...FIELDS, ...fields },
      properties: { ...PROPERTIES, headers: {}, ...properties },
    });
  }
  return all;
}

describe('TakenDeliveries', () => {
  test('returns every delivery unchanged, whatever its neighbours are', () => {
    const deliveries = [
      { body: 'a', properties: { messageId: 'm1' } },
      { body: '', properties: { messageId: 'm1' } },
      { body: 'ccc', fields: { redelivered: true }, properties: { messageId: 'm1' } },
      { body: 'd', fields: { exchange: '', redelivered: true } },
      { body: 'e', fields: { routingKey: 'other' } },
      { body: 'f', properties: { timestamp: 7 } },
      { body: 'g', properties: { headers: { colour: 'red' } } },
      { body: 'h', properties: { headers: { colour: 'red' } } },
      { body: 'i' },
    ];
    const all = taken(deliveries);
    expect(all.count).toBe(deliveries.length);
    for (const [index, { body, fields, properties }] of deliveries.entries()) {
      expect(all.at(index)).toEqual({
        content: Buffer.from(body),
        fields: { ...FIELDS, ...fields },
        properties: { ...PROPERTIES, ...properties },
      });
    }
    expect(all.at(deliveries.length)).toBeUndefined();
    expect(all.at(-1)).toBeUndefined();
  });

  test.each([
    ...['contentType', 'contentEncoding', 'deliveryMode', 'priority', 'correlationId', 'replyTo'],
    ...['expiration', 'messageId', 'timestamp', 'type', 'userId', 'appId', 'clusterId', 'headers'],
  ])('a message without properties does not get %s from the previous one', (name) => {
    const all = new TakenDeliveries();
    const properties = { [name]: name === 'headers' ? { colour: 'red' } : 'red' };
    for (const given of [properties, {}, properties]) {
      all.add({ content: Buffer.alloc(0), fields: FIELDS, properties: given });
    }
    expect([0, 1, 2].map((index) => all.at(index)?.properties)).toEqual([
      properties,
      {},
      properties,
    ]);
  });

  test('keeps bodies of any size, and later changes by the caller do not affect them', () => {
    const sizes = [10, 70_000, 0, 300_000, 1];
    const all = new TakenDeliveries();
    for (const [index, size] of sizes.entries()) {
      const content = Buffer.alloc(size, index + 1);
      all.add({ content, fields: FIELDS, properties: PROPERTIES });
      content.fill(0);
    }
    for (const [index, size] of sizes.entries()) {
      expect(all.at(index)?.content.equals(Buffer.alloc(size, index + 1))).toBe(true);
    }
  });

  test('keeps one origin for messages with equal properties, and one for each with headers', () => {
    expect(taken([{ body: 'a' }, { body: 'b' }, { body: 'c' }]).origins).toHaveLength(1);
    const headers = { traceparent: '00' };
    const traced = taken([
      { properties: { headers } },
      { properties: { headers: { ...headers } } },
    ]);
    expect(traced.origins.map(({ properties }) => properties)).toEqual([
      { ...PROPERTIES, headers },
      { ...PROPERTIES, headers },
    ]);
  });
});

import { describe, expect, test } from 'vitest';
import { DEAD_LETTER_HEADERS } from '../../src/contract/rejection.ts';
import { toDeadLetter } from '../../src/messaging/dead-letter-message.ts';
import { fromDelivery, toRetry, type ReceivedMessage } from '../../src/messaging/message.ts';

const RECEIVED: ReceivedMessage = {
  id: 'm-1',
  isNew: false,
  queue: 'orders.processing',
  exchange: 'orders',
  routingKey: 'order.created',
  attempt: 2,
  putOffCount: 0,
  replayId: undefined,
  body: Buffer.from('{}'),
  correlationId: undefined,
  traceparent: undefined,
  replyTo: undefined,
};

const received = (properties: object) =>
  fromDelivery('orders.processing', {
    content: Buffer.from('{}'),
    fields: { exchange: 'orders', routingKey: 'order.created', redelivered: false },
    properties,
  });

test('a copy for the next attempt can be sent, however long its routing key is once decoded', () => {
  // What 255 bytes that are not UTF-8 become.
  const { type = '' } = toRetry({ ...RECEIVED, routingKey: '\ufffd'.repeat(255) });
  expect(Buffer.byteLength(type)).toBeLessThanOrEqual(255);
});

test('how often a message was tried and put off comes back with its copy', () => {
  const copyOf = (changes: Partial<ReceivedMessage>) => {
    const { attempt, putOffCount } = received(toRetry({ ...RECEIVED, ...changes }));
    return { attempt, putOffCount };
  };
  expect(copyOf({ attempt: 2, putOffCount: 0 })).toEqual({ attempt: 2, putOffCount: 0 });
  expect(copyOf({ attempt: 3, putOffCount: 15 })).toEqual({ attempt: 3, putOffCount: 15 });
});

test('a message that fails in two queues is two dead letters', () => {
  const idIn = (queue: string) => {
    const failure = { code: 'unknown_order', detail: 'There is none.' };
    const why = { reason: 'message_impossible', failure } as const;
    return toDeadLetter('dead', { ...RECEIVED, queue }, why).headers?.[DEAD_LETTER_HEADERS.id];
  };
  expect(idIn('orders.processing')).toBe(idIn('orders.processing'));
  expect(idIn('orders.processing')).not.toBe(idIn('orders.enrichment'));
});

test('ids that are not UTF-8 identify nothing, because different ones decode to the same text', () => {
  const idOf = (messageId: string) => received({ messageId }).id;
  expect(idOf(Buffer.from([0xfe]).toString())).toBeUndefined();
  expect(idOf('m-1 ä')).toBe('m-1 ä');
});

test('an address for replies with which RabbitMQ takes no message is left out of the next attempt', () => {
  const copyOf = (replyTo: string) => toRetry(received({ replyTo })).replyTo;
  expect(copyOf('amq.rabbitmq.reply-to')).toBeUndefined();
  expect(copyOf('answers')).toBe('answers');
});

describe('a request without an id', () => {
  const request = (properties: object, redelivered: boolean) =>
    fromDelivery('PURCHASED', {
      content: Buffer.from('{"user_id":7}'),
      fields: { exchange: 'SUBSCRIPTIONS', routingKey: 'SUBSCRIPTIONS_PURCHASED', redelivered },
      properties,
    });
  const asked = { replyTo: 'answers', correlationId: '1' };

  test('is recognized when RabbitMQ delivers it again', () => {
    const first = request(asked, false);
    const again = request(asked, true);
    expect(first.id).toMatch(/^request /);
    expect(again.id).toBe(first.id);
    expect([first.isNew, again.isNew]).toEqual([true, false]);
  });

  test('is another request than one with another address, correlation id or body', () => {
    const ids = [
      request(asked, true),
      request({ ...asked, correlationId: '2' }, true),
      request({ ...asked, replyTo: 'others' }, true),
    ].map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
  });

  test('has no identity without an address or a correlation id', () => {
    expect(request({ replyTo: 'answers' }, true).id).toBeUndefined();
    expect(request({ correlationId: '1' }, true).id).toBeUndefined();
  });

  test('keeps its identity at the next attempt', () => {
    const { messageId } = toRetry(request(asked, false));
    expect(messageId).toBe(request(asked, true).id);
    expect(request({ ...asked, messageId }, false).isNew).toBe(false);
  });
});

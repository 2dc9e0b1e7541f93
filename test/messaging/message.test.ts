import { expect, test } from 'vitest';
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

import { expect, test } from 'vitest';
import { toRetry } from '../../src/messaging/message.ts';

test('a copy for the next attempt can be sent, however long its routing key is once decoded', () => {
  const retry = toRetry({
    id: 'm-1',
    queue: 'orders.processing',
    // What 255 bytes that are not UTF-8 become.
    routingKey: '\ufffd'.repeat(255),
    attempt: 2,
    replayId: undefined,
    body: Buffer.from('{}'),
    correlationId: undefined,
    traceparent: undefined,
    replyTo: undefined,
  } as Parameters<typeof toRetry>[0]);
  expect(Buffer.byteLength(retry.type ?? '')).toBeLessThanOrEqual(255);
});

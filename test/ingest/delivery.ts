/** Deliveries for tests without a broker. */
import type { Delivery } from '../../src/ingest/batch.ts';

/** A delivery of `body`, as JSON unless it is text or bytes. */
export function deliveryOf(
  body: unknown,
  given: { tag?: number; redelivered?: boolean; messageId?: string; timestamp?: number } = {},
): Delivery {
  const { tag = 1, redelivered = false, messageId, timestamp } = given;
  const content =
    body instanceof Buffer
      ? body
      : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return {
    content,
    fields: {
      deliveryTag: tag,
      redelivered,
      exchange: 'pulses',
      routingKey: 'pulses',
      consumerTag: 'test',
    },
    properties: { messageId, timestamp, headers: {} },
  } as unknown as Delivery;
}

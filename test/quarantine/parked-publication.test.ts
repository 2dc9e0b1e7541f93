import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromDelivery } from '../../src/quarantine/dead-letter.ts';
import {
  cameBackTooOften,
  RETURNS_MAX,
  toParkedPublication,
} from '../../src/quarantine/parked-publication.ts';
import { toOptions } from '../../src/publish/amqp-terms.ts';
import { encodeMessageProperties, throughTheWire } from '../support/amqp-codec.ts';

function delivery(properties: Record<string, unknown>, { redelivered = false } = {}) {
  const fields = { exchange: 'pulses.dead', routingKey: 'key', redelivered };
  return { content: Buffer.from('body'), fields, properties };
}

const REFUSED = { queue: 'pulses', reason: 'refused' } as const;
const RETURNED = { queue: 'pulses', reason: 'returned' } as const;

describe('toParkedPublication', () => {
  test('leaves out what the broker gives a meaning', () => {
    const properties = { replyTo: 'somewhere', expiration: '1', userId: 'root', priority: 9 };
    const options = toOptions(toParkedPublication(delivery(properties), REFUSED));
    expect(options).toMatchObject({ persistent: true, mandatory: true, replyTo: undefined });
    for (const name of ['expiration', 'userId', 'priority'])
      expect(options).not.toHaveProperty(name);
  });

  test('keeps the headers of what was refused, and none of what was returned', () => {
    const given = delivery({ headers: { traceparent: 'kept' } });
    expect(toParkedPublication(given, REFUSED).headers).toHaveProperty('traceparent');
    expect(toParkedPublication(given, RETURNED).headers).not.toHaveProperty('traceparent');
  });

  test.each([REFUSED, RETURNED])(
    'whatever the properties of a dead letter, it can be sent, with the same bytes: %j',
    (why) => {
      const anyValue = fc.object({ maxDepth: 4, withNullPrototype: false });
      const forged = fc.record(
        {
          'x-death': fc.oneof(
            fc.array(
              fc.record(
                {
                  reason: fc.string(),
                  queue: fc.string({ maxLength: 400 }),
                  exchange: fc.string({ unit: 'binary', maxLength: 400 }),
                  'routing-keys': fc.array(fc.string({ maxLength: 400 })),
                },
                { requiredKeys: [] },
              ),
            ),
            anyValue,
          ),
          'x-pulse-detail': fc.string({ maxLength: 2_000 }),
          'x-pulse-queue': fc.string({ unit: 'binary', maxLength: 2_000 }),
          'x-pulse-exchange': fc.string({ unit: 'binary', maxLength: 2_000 }),
          'x-pulse-routing-key': fc.string({ unit: 'binary', maxLength: 2_000 }),
          // Not -0, which comes back as 0.
          'x-pulse-index': fc.oneof(fc.integer(), fc.double()).map((value) => value + 0),
        },
        { requiredKeys: [] },
      );
      const text = fc.string({ unit: 'binary', maxLength: 300 });
      const properties = fc.record(
        {
          headers: fc.tuple(anyValue, forged).map(([any, more]) => ({ ...any, ...more })),
          messageId: text,
          contentType: text,
          correlationId: text,
          type: text,
          appId: text,
          timestamp: fc.double({ min: 0, max: 2 ** 64, noNaN: true }).map(Math.floor),
        },
        { requiredKeys: [] },
      );
      fc.assert(
        fc.property(properties, fc.uint8Array({ maxLength: 50 }), (given, bytes) => {
          const message = { ...delivery(given), content: Buffer.from(bytes) };
          const publication = toParkedPublication(message, why);
          expect(publication.body.equals(Buffer.from(bytes))).toBe(true);
          const { headers, ...others } = toOptions(publication) as { headers: object };
          expect(encodeMessageProperties({ ...others, headers }).length).toBeGreaterThan(0);
          // Moved back, it is the same row, but for the headers.
          const row = fromDelivery(message, 'pulses');
          const back = fromDelivery(
            {
              ...message,
              fields: { exchange: '', routingKey: 'pulses.dead', redelivered: false },
              properties: { ...others, headers: throughTheWire(headers) },
            },
            'pulses',
          );
          expect({ reason: back.reason, queue: back.queue, index: back.pulseIndex }).toEqual({
            reason: row.reason,
            queue: row.queue,
            index: row.pulseIndex,
          });
        }),
        { numRuns: 300 },
      );
    },
  );
});

test.each([
  [RETURNS_MAX, true, false],
  [RETURNS_MAX + 1, true, true],
  ['many', true, false],
  // Forged by a producer: the broker sets the count of whatever it delivers again.
  [1_000_000, false, false],
])('%s returns of a delivery that was redelivered: %s', (count, redelivered, expected) => {
  const given = delivery({ headers: { 'x-delivery-count': count } }, { redelivered });
  expect(cameBackTooOften(given)).toBe(expected);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deadLetterId, toDeadLetterPublication } from '../../src/contract/dead-letter.ts';
import { toOptions } from '../../src/publish/amqp-terms.ts';
import { encodeMessageProperties } from '../support/amqp-codec.ts';
import { sentPulse } from '../support/pulses.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const body = Buffer.from(JSON.stringify(sentPulse({ tenant: '' })));
const rejection = { reason: 'invalid_tenant', detail: 'tenant is empty.' } as const;

function publicationOf(
  properties: object,
  changes: {
    body?: Buffer;
    index?: number;
    redelivered?: boolean;
    detail?: string;
    routingKey?: string;
  } = {},
) {
  const { redelivered = false, detail = rejection.detail, index } = changes;
  const { routingKey = 'pulses' } = changes;
  return toDeadLetterPublication('pulses.dead', {
    rejection: { ...rejection, detail },
    delivery: {
      fields: { exchange: 'pulses', routingKey, redelivered },
      properties,
    },
    body: changes.body ?? body,
    index,
  });
}

const idOf = (...given: Parameters<typeof publicationOf>): unknown =>
  publicationOf(...given).headers?.['x-pulse-dead-letter-id'];

describe('toDeadLetterPublication', () => {
  test('leaves out the address for replies with which RabbitMQ takes no message', () => {
    expect(publicationOf({ replyTo: 'amq.rabbitmq.reply-to' }).replyTo).toBeUndefined();
    expect(publicationOf({ replyTo: 'answers' }).replyTo).toBe('answers');
  });

  test.each([
    ['255 bytes that are not UTF-8', Buffer.alloc(255, 0xff).toString()],
    ['a character of four bytes at the end', `${'k'.repeat(253)}\u{1f600}`],
  ])('has a routing key that can be sent again, even for %s', (_name, routingKey) => {
    const sent = publicationOf({}, { routingKey }).routingKey;
    expect(Buffer.byteLength(sent)).toBeLessThanOrEqual(255);
    expect(sent.length).toBeGreaterThan(80);
    expect(routingKey.startsWith(sent)).toBe(true);
    expect(sent).not.toMatch(/\p{Cs}/u);
  });

  test('has the body, the reason, the origin and the original properties', () => {
    const properties = {
      messageId: 'm-1',
      timestamp: 1_763_784_600,
      contentType: 'application/json',
      correlationId: 'c-1',
      appId: 'meter',
      expiration: '1000',
      userId: 'guest',
      headers: { trace: 'abc' },
    };
    expect(publicationOf(properties, { index: 7, redelivered: true })).toEqual({
      exchange: 'pulses.dead',
      routingKey: 'pulses',
      body,
      messageId: 'm-1',
      timestampSec: 1_763_784_600,
      contentType: 'application/json',
      contentEncoding: undefined,
      correlationId: 'c-1',
      replyTo: undefined,
      type: undefined,
      appId: 'meter',
      headers: {
        trace: 'abc',
        'x-pulse-dead-letter-id': expect.stringMatching(UUID) as string,
        'x-pulse-reason': 'invalid_tenant',
        'x-pulse-detail': 'tenant is empty.',
        'x-pulse-exchange': 'pulses',
        'x-pulse-index': 7,
        'x-pulse-redelivered': true,
      },
    });
  });

  test('index and redelivery are absent when there is none', () => {
    const { headers } = publicationOf({});
    expect(headers).not.toHaveProperty('x-pulse-index');
    expect(headers).not.toHaveProperty('x-pulse-redelivered');
  });

  test('the first position in an array is sent too', () => {
    expect(publicationOf({}, { index: 0 }).headers).toMatchObject({ 'x-pulse-index': 0 });
  });

  test('a long detail is cut', () => {
    const { headers } = publicationOf({}, { detail: 'x'.repeat(10_000) });
    expect((headers?.['x-pulse-detail'] as string).length).toBeLessThanOrEqual(500);
  });

  test('a timestamp that is not exact as a number is not sent', () => {
    expect(publicationOf({ timestamp: 2 ** 64 }).timestampSec).toBeUndefined();
    expect(publicationOf({ timestamp: 0 }).timestampSec).toBe(0);
  });

  test('whatever properties the broker delivered, the dead letter can be sent', () => {
    const text = fc.option(
      fc.oneof(
        // As amqplib decodes it: each invalid byte becomes three.
        fc.uint8Array({ maxLength: 255 }).map((bytes) => Buffer.from(bytes).toString()),
        fc.constant(Buffer.alloc(255, 0xff).toString()),
      ),
      { nil: undefined },
    );
    const properties = fc.record({
      messageId: text,
      correlationId: text,
      replyTo: text,
      type: text,
      appId: text,
      contentType: text,
      contentEncoding: text,
      timestamp: fc.option(fc.maxSafeNat(), { nil: undefined }),
    });
    fc.assert(
      fc.property(properties, (given) => {
        const options = toOptions(publicationOf(given));
        expect(() => encodeMessageProperties(options)).not.toThrow();
      }),
    );
  });
});

describe('deadLetterId', () => {
  test('does not look for an id in a body of very many members, because parsing it would take long', () => {
    const bodyOf = (count: number) => Buffer.from(`{"id":"p-1","pad":[${'0,'.repeat(count)}0]}`);
    const idOfBody = (count: number) => deadLetterId({ messageId: undefined, body: bodyOf(count) });
    expect(idOfBody(40_000)).toBe(idOfBody(40_000));
    expect(idOfBody(60_000)).not.toBe(idOfBody(60_000));
    expect(idOfBody(60_000)).toMatch(UUID);
  });

  test('is the same for the same delivery, so that the quarantine keeps one copy', () => {
    expect(idOf({ messageId: 'm-1' })).toBe(idOf({ messageId: 'm-1' }, { redelivered: true }));
    const withId = Buffer.from('{"tenant":"a","id":"p-1"}');
    expect(idOf({}, { body: withId })).toBe(idOf({}, { body: withId }));
  });

  test('does not depend on the reason', () => {
    expect(idOf({ messageId: 'm-1' })).toBe(idOf({ messageId: 'm-1' }, { detail: 'another' }));
  });

  test('differs by message id, by position and by body', () => {
    const ids = [
      idOf({ messageId: 'm-1' }),
      idOf({ messageId: 'm-2' }),
      idOf({ messageId: 'm-1' }, { index: 0 }),
      idOf({ messageId: 'm-1' }, { index: 1 }),
      idOf({ messageId: 'm-1' }, { body: Buffer.from('{}') }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('is different each time for a pulse without any identity', () => {
    for (const text of ['{}', 'not json', '', '{"id":7}', '{"id":""}', 'null', '[1]']) {
      const anonymous = { messageId: undefined, body: Buffer.from(text) };
      expect(deadLetterId(anonymous), text).not.toBe(deadLetterId(anonymous));
      expect(deadLetterId(anonymous)).toMatch(UUID);
    }
  });

  test('two messages whose ids were not UTF-8 are two dead letters', () => {
    const decoded = Buffer.from([0x80]).toString();
    expect(idOf({ messageId: decoded })).not.toBe(idOf({ messageId: decoded }));
  });

  test('exists for any body, however deep or strange its tenant is', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    for (const tenant of [deep, '"\\ud800"', 'null', '{"toJSON":1}', '1e400']) {
      const given = { messageId: undefined, body: Buffer.from(`{"tenant":${tenant},"id":"p"}`) };
      expect(deadLetterId(given)).toMatch(UUID);
    }
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(deadLetterId({ messageId: undefined, body: Buffer.from(bytes) })).toMatch(UUID);
      }),
    );
  });
});

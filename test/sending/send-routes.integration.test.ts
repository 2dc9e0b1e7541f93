import { describe, expect, test } from 'vitest';
import { ARRAY_LENGTH_MAX } from '../../src/contract/rules.ts';
import { BLOCKED_FRAME } from '../support/amqp-codec.ts';
import { eventually } from '../support/eventually.ts';
import { sentPulse } from '../support/pulses.ts';
import { authorization } from '../api/api-fixture.ts';
import { openSendApp, send, takePulses, useSendFixture } from './send-fixture.ts';

const fixture = useSendFixture();

const UUID_V7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const DATA = { product_sku: 'vm.small', use_unity: 'hours', used_amount: '3.5' };
const EVENT = {
  specversion: '1.0',
  id: 'e-1',
  source: '/meters/7',
  type: 'usage',
  subject: 'acme',
  data: DATA,
};
const THREE_AND_A_HALF = { whole: 3, nano: 500_000_000 };

describe('every format ends in the queue', () => {
  test('one pulse, confirmed before the answer, with a UUIDv7 if it has no id', async () => {
    const { status, body } = await send(fixture, sentPulse());
    expect(status).toBe(202);
    expect(body).toEqual({
      accepted: 1,
      rejected: 0,
      unconfirmed: 0,
      outcomes: [{ index: 0, status: 'accepted', id: expect.stringMatching(UUID_V7) as string }],
    });
    expect(await takePulses(fixture)).toMatchObject([
      { tenant: 'acme', amount: THREE_AND_A_HALF, id: body.outcomes[0]!.id },
    ]);
  });

  test('an array, in which each pulse is separate', async () => {
    const { status, body } = await send(fixture, [
      sentPulse({ id: 'a' }),
      sentPulse({ used_amount: '-1' }),
      'no pulse',
      sentPulse({ tenant: 'other' }),
    ]);
    expect(status).toBe(202);
    expect(body).toMatchObject({ accepted: 2, rejected: 2, unconfirmed: 0 });
    expect(body.outcomes).toMatchObject([
      { index: 0, status: 'accepted', id: 'a' },
      { index: 1, status: 'rejected', field: 'used_amount', code: 'amount_not_positive' },
      { index: 2, status: 'rejected', field: 'body', code: 'not_an_object' },
      { index: 3, status: 'accepted' },
    ]);
    const pulses = await takePulses(fixture);
    expect(pulses.map(({ id }) => id)).toEqual(['a', body.outcomes[3]!.id]);
  });

  test('only in the books, because the audit log would be as long', async () => {
    const { status } = await send(fixture, sentPulse());
    expect(status).toBe(202);
    expect((await fixture.pool.query('SELECT FROM audit_log')).rowCount).toBe(0);
  });

  test('a thousand pulses, in order', async () => {
    const ids = Array.from({ length: ARRAY_LENGTH_MAX }, (_, index) => `pulse ${index}`);
    const { body } = await send(
      fixture,
      ids.map((id) => sentPulse({ id })),
    );
    expect(body.accepted).toBe(ARRAY_LENGTH_MAX);
    expect((await takePulses(fixture)).map(({ id }) => id)).toEqual(ids);
  });

  test('lines', async () => {
    const lines = [sentPulse({ id: 'a' }), sentPulse({ id: 'b' })].map((one) =>
      JSON.stringify(one),
    );
    const { body } = await send(fixture, `${lines.join('\n')}\n{"broken\n`, {
      headers: { 'content-type': 'application/x-ndjson; charset=utf-8' },
    });
    expect(body).toMatchObject({ accepted: 2, rejected: 1 });
    expect(body.outcomes[2]).toMatchObject({ field: 'body', code: 'malformed_json' });
    expect(await takePulses(fixture)).toHaveLength(2);
  });

  test('CloudEvents: structured, batch and binary are the same pulse', async () => {
    const structured = await send(fixture, EVENT, {
      headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
    });
    const batch = await send(fixture, [EVENT, { ...EVENT, specversion: '0.3' }], {
      headers: { 'content-type': 'application/cloudevents-batch+json' },
    });
    const binary = await send(fixture, DATA, {
      headers: {
        'ce-specversion': '1.0',
        'ce-id': EVENT.id,
        'ce-source': EVENT.source,
        'ce-type': EVENT.type,
        'ce-subject': EVENT.subject,
      },
    });
    expect([structured.status, batch.status, binary.status]).toEqual([202, 202, 202]);
    expect(batch.body.outcomes[1]).toMatchObject({
      status: 'rejected',
      field: 'specversion',
      code: 'invalid_cloudevent',
    });
    const pulse = {
      tenant: 'acme',
      sku: 'vm.small',
      id: '/meters/7 e-1',
      amount: THREE_AND_A_HALF,
    };
    expect(await takePulses(fixture)).toMatchObject([pulse, pulse, pulse]);
  });

  test('an event with an invalid pulse is refused with the names of event attributes', async () => {
    const refused = async (changes: object) => {
      const { status, body } = await send(
        fixture,
        { ...EVENT, ...changes },
        { headers: { 'content-type': 'application/cloudevents+json' } },
      );
      expect(status).toBe(422);
      return body.outcomes[0];
    };
    expect(await refused({ subject: undefined })).toMatchObject({ field: 'subject' });
    expect(await refused({ time: 'noon' })).toMatchObject({ field: 'time' });
    const data = { ...DATA, used_amount: 0.30000000000000004 };
    const wrong = { field: 'data.used_amount', code: 'amount_too_precise' };
    expect(await refused({ data })).toMatchObject(wrong);
  });
});

describe('refused as a whole', () => {
  test('422 with the outcomes when no pulse is accepted', async () => {
    const { status, headers, body } = await send(fixture, sentPulse({ used_amount: 0 }));
    expect(status).toBe(422);
    expect(headers['content-type']).toContain('application/problem+json');
    expect(body).toMatchObject({
      code: 'PULSE_API_PULSES_REJECTED',
      outcomes: [{ index: 0, status: 'rejected', field: 'used_amount' }],
    });
    expect(await takePulses(fixture)).toEqual([]);
  });

  test.each([
    [400, 'PULSE_API_MALFORMED_BODY', 'application/json', '{"tenant":'],
    [400, 'PULSE_API_MALFORMED_BODY', 'application/json', ''],
    [400, 'PULSE_API_INVALID_REQUEST', 'application/json', '[]'],
    [413, 'PULSE_API_TOO_MANY_PULSES', 'application/json', `[${'{},'.repeat(ARRAY_LENGTH_MAX)}{}]`],
    [413, 'PULSE_API_BODY_TOO_LARGE', 'application/json', `"${'x'.repeat(2_097_152)}"`],
    [415, 'PULSE_API_MEDIA_TYPE', 'text/plain', '{}'],
    [415, 'PULSE_API_MEDIA_TYPE', 'application/xml', '<pulse/>'],
    [415, 'PULSE_API_MEDIA_TYPE', 'application/cloudevents+avro', 'x'],
    [415, 'PULSE_API_MEDIA_TYPE', 'multipart/form-data; boundary=x', '--x--'],
    [415, 'PULSE_API_MEDIA_TYPE', 'not a type', '{}'],
    [415, 'PULSE_API_MEDIA_TYPE', '', '{}'],
  ])('%i %s for %s', async (status, code, type, payload) => {
    const answer = await send(fixture, payload, { headers: { 'content-type': type } });
    expect(answer).toMatchObject({ status, body: { code } });
  });

  test('400 without a body, 415 for a compressed one', async () => {
    const { app } = fixture;
    const headers = authorization();
    const res = await app.inject({ method: 'POST', url: '/api/v1/pulses', headers });
    expect(res.statusCode).toBe(400);
    const zipped = await send(fixture, '{}', { headers: { 'content-encoding': 'gzip' } });
    expect(zipped.status).toBe(415);
  });

  test('403 for a viewer', async () => {
    const answer = await send(fixture, sentPulse(), { as: 'viewer' });
    expect(answer).toMatchObject({ status: 403, body: { code: 'PULSE_API_FORBIDDEN' } });
    expect(await takePulses(fixture)).toEqual([]);
  });
});

test('a caller with a tenant scope sends only for those tenants', async () => {
  const { status, body } = await send(
    fixture,
    [sentPulse({ id: 'own' }), sentPulse({ tenant: 'other', id: 'foreign' })],
    { as: 'scoped' },
  );
  expect(status).toBe(202);
  expect(body.outcomes).toMatchObject([
    { status: 'accepted', id: 'own' },
    { status: 'rejected', field: 'tenant', code: 'tenant_not_allowed' },
  ]);
  expect((await takePulses(fixture)).map(({ tenant }) => tenant)).toEqual(['acme']);
});

test('429 with Retry-After for a caller with too much in progress, and 202 again afterwards', async () => {
  const bodyBudget = { callerBytesMax: 10_000, bytesMax: 100_000 };
  const app = await openSendApp(fixture, fixture.services.queue, { bodyBudget });
  try {
    const burst = await Promise.all(
      Array.from({ length: 8 }, () => send({ app }, sentPulse({ id: 'one' }))),
    );
    const refused = burst.filter(({ status }) => status !== 202);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(8);
    for (const { status, headers, body } of refused) {
      expect([status, headers['retry-after']]).toEqual([429, '1']);
      expect(body.code).toBe('PULSE_API_TOO_MANY_REQUESTS');
    }
    for (let count = 0; count < 5; count++) {
      expect((await send({ app }, sentPulse())).status).toBe(202);
    }
  } finally {
    await app.close();
  }
});

describe('when RabbitMQ does not accept them', () => {
  test('503 with Retry-After while it is unavailable, and nothing is accepted', async () => {
    fixture.proxy.cut();
    await eventually(() => fixture.publisher.state).toBe('connecting');
    const { status, headers, body } = await send(fixture, sentPulse());
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('5');
    expect(body.code).toBe('PULSE_API_UNAVAILABLE');
  });

  test('503 with Retry-After while it is short of memory', async () => {
    fixture.proxy.inject(BLOCKED_FRAME);
    await eventually(() => fixture.publisher.state).toBe('blocked');
    const { status, headers, body } = await send(fixture, sentPulse());
    expect([status, headers['retry-after'], body.code]).toEqual([503, '5', 'PULSE_API_BUSY']);
  });

  test('503 with the ids to send again when the confirms do not come', async () => {
    fixture.proxy.stall();
    const { status, headers, body } = await send(fixture, [
      sentPulse({ id: 'own' }),
      sentPulse(),
      sentPulse({ used_amount: 'much' }),
    ]);
    expect([status, headers['retry-after']]).toEqual([503, '5']);
    expect(body).toMatchObject({
      code: 'PULSE_API_PULSES_UNCONFIRMED',
      outcomes: [
        { status: 'unconfirmed', id: 'own', code: 'unconfirmed' },
        { status: 'unconfirmed', id: expect.stringMatching(UUID_V7) as string },
        { status: 'rejected', field: 'used_amount' },
      ],
    });
  });

  test('503 when the queue is full', async () => {
    const { channel, services } = fixture;
    const queue = `${services.queue}.full`;
    await channel.assertExchange(queue, 'direct', { durable: true });
    await channel.assertQueue(queue, {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish', 'x-max-length': 1 },
    });
    await channel.bindQueue(queue, queue, queue);
    const app = await openSendApp(fixture, queue);
    try {
      const sendOne = async () => (await send({ app }, sentPulse({ id: 'one' }))).body.code;
      await eventually(sendOne).toBe('PULSE_API_PULSES_UNCONFIRMED');
    } finally {
      await app.close();
      await channel.deleteQueue(queue);
      await channel.deleteExchange(queue);
    }
  });

  test('503 when no queue is bound', async () => {
    const app = await openSendApp(fixture, '');
    try {
      const { body } = await send({ app }, sentPulse());
      expect(body).toMatchObject({ code: 'PULSE_API_PULSES_UNCONFIRMED' });
    } finally {
      await app.close();
    }
  });
});

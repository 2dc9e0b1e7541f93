/** Events and messages over HTTP, with the real tables behind. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { EventSchemas } from '../../src/events/event-schemas.ts';
import { storeEvents } from '../../src/events/store-events.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { eventOf, useEventsApi } from './events-api.ts';
import { useEventsFixture } from './events-fixture.ts';

const fixture = useEventsFixture();
const ask = useEventsApi(fixture);

const JSON_BODY = { headers: { 'content-type': 'application/json' } };
async function pull(client: string, after = '0') {
  const { body } = await ask('GET', `/messages?client=${client}&after=${after}`);
  return body as { data: Record<string, unknown>[]; next: string | null };
}

describe('sent events', () => {
  test('are stored, duplicates or rejected one by one, and stored when the answer says so', async () => {
    const names = await fixture.make();
    const event = eventOf(names);
    const { status, body } = await ask('POST', '/events', [
      event,
      event,
      eventOf(names, { data: {} }),
      eventOf(names, { producer: 'pulse' }),
      eventOf(names, { client: 'nobody' }),
      7,
    ]);
    expect(status).toBe(200);
    expect(body).toEqual({
      ...{ stored: 1, duplicate: 1, rejected: 4 },
      outcomes: [
        { index: 0, status: 'stored' },
        { index: 1, status: 'duplicate' },
        expect.objectContaining({ index: 2, code: 'invalid_data', pointer: '/data' }),
        expect.objectContaining({ index: 3, code: 'reserved_producer', pointer: '/producer' }),
        expect.objectContaining({ index: 4, code: 'unknown_client', pointer: '/client' }),
        expect.objectContaining({ index: 5, status: 'rejected', code: 'invalid_event' }),
      ],
    });
    expect(await fixture.messagesOf(names.client)).toMatchObject([{ id: event.id, number: '1' }]);
    expect((await ask('POST', '/events', event)).body).toMatchObject({ stored: 0, duplicate: 1 });
  });

  test('are a problem with their outcomes when all are rejected', async () => {
    const names = await fixture.make();
    for (const wrong of [
      eventOf(names, { client: 'nobody' }),
      eventOf(names, { data: {}, id: '' }),
    ]) {
      const { status, body } = await ask('POST', '/events', wrong);
      expect(status).toBe(422);
      expect(body).toMatchObject({
        code: 'PULSE_API_EVENTS_REJECTED',
        outcomes: [{ index: 0, status: 'rejected' }],
      });
    }
  });

  test.each([
    ['half an object', 'application/json', '{', 400],
    ['an empty array', 'application/json', '[]', 400],
    ['an array as one CloudEvent', 'application/cloudevents+json', '[]', 400],
    ['one CloudEvent as a batch', 'application/cloudevents-batch+json', '{}', 400],
    ['501 events', 'application/json', JSON.stringify(Array<number>(501).fill(0)), 413],
    ['501 lines', 'application/x-ndjson', '0\n'.repeat(501), 413],
    ['very many elements', 'application/json', `[${'0,'.repeat(60_000)}0]`, 413],
    ['plain text', 'text/plain', 'x', 415],
  ])('as %s are refused as a whole', async (_name, mediaType, body, status) => {
    const answer = await ask('POST', '/events', body, { headers: { 'content-type': mediaType } });
    expect(answer.status).toBe(status);
  });

  test('may be lines, CloudEvents and batches of these', async () => {
    const { client, producer, type } = await fixture.make();
    const event = () => eventOf({ client, producer, type });
    const cloudEvent = (more: object = {}) => ({
      ...{ specversion: '1.0', id: randomUUID(), source: producer, type, subject: client },
      ...{ data: { size: 2 }, ...more },
    });
    const bodies = {
      'application/x-ndjson': `${JSON.stringify(event())}\n\n${JSON.stringify(event())}\n{`,
      'application/cloudevents+json': JSON.stringify(cloudEvent({ time: '2026-01-02T03:04:05Z' })),
      'application/cloudevents-batch+json': JSON.stringify([
        cloudEvent(),
        cloudEvent({ specversion: undefined }),
      ]),
    };
    const counts: unknown[] = [];
    for (const [mediaType, body] of Object.entries(bodies)) {
      const answer = await ask('POST', '/events', body, { headers: { 'content-type': mediaType } });
      counts.push([answer.body.stored, answer.body.rejected]);
    }
    expect(counts).toEqual([
      [2, 1],
      [1, 0],
      [1, 1],
    ]);
    const { data } = await pull(client);
    expect(data.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    expect(data[2]).toMatchObject({ timestamp: '2026-01-02T03:04:05.000Z', data: { size: 2 } });
  });

  test('may be a CloudEvent whose attributes are headers', async () => {
    const { client, producer, type } = await fixture.make();
    const attributes = (more: object = {}) => ({
      ...{ 'ce-specversion': '1.0', 'ce-id': randomUUID(), 'ce-type': type },
      ...{ 'ce-source': producer, 'ce-subject': client, 'content-type': 'application/json' },
      ...more,
    });
    const send = (headers: Record<string, string>, body: string) =>
      ask('POST', '/events', body, { headers });
    const stored = await send(attributes({ 'ce-time': '2026-01-02T03:04:05Z' }), '{"size": 1.10}');
    expect(stored.body).toMatchObject({ stored: 1, rejected: 0 });
    const { data } = await pull(client);
    expect(data).toMatchObject([{ timestamp: '2026-01-02T03:04:05.000Z', data: { size: 1.1 } }]);
    const refused = [
      await send(attributes({ 'ce-id': '%zz' }), '{}'),
      await send(attributes({ 'ce-specversion': '0.3' }), '{}'),
      await send(attributes(), '{"size"'),
    ].map(({ body }) => (body.outcomes as { pointer: string }[])[0]?.pointer);
    expect(refused).toEqual(['/id', '/specversion', '/data']);
  });

  test('let other work have its turn while they are checked', async () => {
    const names = await fixture.make();
    const events = Array.from({ length: 4 }, () => ({
      ...{ ...eventOf(names), dataText: '{}', occurredAt: undefined },
    }));
    let checkCount = 0;
    const seen = new Set<number>();
    const slow: EventSchemas = {
      load: () => Promise.resolve(),
      validate() {
        checkCount += 1;
        setImmediate(() => seen.add(checkCount));
        const endMs = performance.now() + 30;
        while (performance.now() < endMs);
        return { ok: true, steps: 1 };
      },
    };
    await withTransaction(fixture.pool, (client) => storeEvents(client, events, slow));
    expect([...seen]).toEqual([1, 2, 3, 4]);
  });

  test('are the same ones over RabbitMQ and over HTTP', async () => {
    const names = await fixture.make();
    const event = eventOf(names);
    await fixture.send([event]);
    await eventually(async () => (await fixture.messagesOf(names.client)).length).toBe(1);
    expect((await ask('POST', '/events', event)).body).toMatchObject({ duplicate: 1 });
  });
});

describe('messages', () => {
  test('keep every digit and every space of their data', async () => {
    const names = await fixture.make();
    const data = '{"size": 12345678901234567890.10, "b": [1.0,  1e2]}';
    const [one, two] = [randomUUID(), randomUUID()];
    const textOf = (id: string) =>
      JSON.stringify(eventOf(names, { id, data: null })).replace('"data":null', `"data":${data}`);
    await ask('POST', '/events', `[${textOf(one)}, ${textOf(two)}]`, JSON_BODY);
    const shown = await ask('GET', `/messages/${names.producer}/${one}`);
    expect(shown.text).toContain(`"data":${data}}`);
    expect(shown.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(shown.headers.etag).toBeDefined();
    expect(shown.body).toMatchObject({ ...names, id: one, type_version: 1, number: 1 });
    const list = await ask('GET', `/messages?client=${names.client}`);
    expect(list.text.split(`"data":${data}}`)).toHaveLength(3);
    expect((await ask('GET', `/messages/${names.producer}/none`)).status).toBe(404);
  });

  test('are pulled by number, page after page, and go on where the last page ended', async () => {
    const names = await fixture.make();
    const events = Array.from({ length: 5 }, () => eventOf(names));
    await ask('POST', '/events', events);
    const first = await ask('GET', `/messages?client=${names.client}&after=0&limit=3`);
    expect(first.body).toMatchObject({
      data: [{ number: 1 }, { number: 2 }, { number: 3 }],
      next: '3',
    });
    expect(first.headers.link).toMatch(/after=3&limit=3>; rel="next"/);
    const second = await pull(names.client, '3');
    expect(second).toMatchObject({ data: [{ number: 4 }, { number: 5 }], next: '5' });
    expect(await pull(names.client, '5')).toEqual({ data: [], next: '5' });
    await ask('POST', '/events', eventOf(names));
    expect(await pull(names.client, '5')).toMatchObject({ data: [{ number: 6 }], next: '6' });
  });

  test('are listed newest first by a cursor, with filters', async () => {
    const names = await fixture.make();
    const ids = Array.from({ length: 3 }, () => randomUUID());
    for (const id of ids) await ask('POST', '/events', eventOf(names, { id }));
    const found: unknown[] = [];
    let after = '';
    for (;;) {
      const query = `client=${names.client}&producer=${names.producer}&type=${names.type}&limit=1`;
      const { body, headers } = await ask('GET', `/messages?${query}${after}`);
      found.push(...(body.data as { id: string }[]).map(({ id }) => id));
      expect(headers.link === undefined).toBe(body.next === null);
      if (body.next === null) break;
      after = `&after=${body.next as string}`;
    }
    expect(found).toEqual([...ids].reverse());
    const nothing = [
      `producer=pulse`,
      `type=none`,
      `to=2001-01-01T00:00:00Z`,
      `from=2999-01-01T00:00:00Z`,
    ];
    for (const filter of nothing) {
      const { body } = await ask('GET', `/messages?client=${names.client}&${filter}`);
      expect(body, filter).toEqual({ data: [], next: null });
    }
  });

  test.each([
    ['after=7', 'client'],
    ['after=x', 'after'],
    ['after=7.e30', 'after'],
    ['client=c&after=-1', 'after'],
    ['from=yesterday', 'from'],
  ])('with ?%s answer 400 and name %s', async (query, field) => {
    const { status, body } = await ask('GET', `/messages?${query}`);
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ field }]);
  });

  test('come in shorter pages when their data is large, and none is left out', async () => {
    const names = await fixture.make();
    const text = 'x'.repeat(250_000);
    for (let count = 0; count < 4; count += 1) {
      const events = Array.from({ length: 6 }, () => eventOf(names, { data: { size: 1, text } }));
      await ask('POST', '/events', events);
    }
    const first = await ask('GET', `/messages?client=${names.client}`);
    expect(first.text.length).toBeLessThan(4_600_000);
    const rest = await ask(
      'GET',
      `/messages?client=${names.client}&after=${String(first.body.next)}`,
    );
    const numbers = [first, rest].flatMap(({ body }) =>
      (body.data as { number: number }[]).map(({ number }) => number),
    );
    expect(new Set(numbers).size).toBe(24);
    expect(rest.body.next).toBeNull();
    const { data, next } = await pull(names.client);
    expect(data.length).toBeLessThan(24);
    expect([...data, ...(await pull(names.client, String(next))).data]).toHaveLength(24);
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { authorization, createTestApp, fakePopulateRuns } from '../api/api-fixture.ts';
import { TransientError } from '../../src/core/errors.ts';

const URL = '/api/v1/pulses/populate';
const BODY = { total_messages: 1_000, workers_number: 4, buffer_size: 100 };

let app: Api;
let runs: ReturnType<typeof fakePopulateRuns>;

beforeEach(async () => {
  runs = fakePopulateRuns();
  ({ app } = await createTestApp({ populateRuns: runs }, { populateRunsMax: 2 }));
});

afterEach(() => app.close());

const post = (payload: unknown) =>
  app.inject({
    method: 'POST',
    url: URL,
    headers: { ...authorization(), 'content-type': 'application/json' },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });
const get = (url: string) => app.inject({ url, headers: authorization() });

test('a run is started, and Location says where to read its progress', async () => {
  const started = await post(BODY);
  expect(started.statusCode).toBe(202);
  const [run] = runs.started.values();
  expect(started.headers.location).toBe(`${URL}/${run!.id}`);
  expect(started.json()).toEqual({
    id: run!.id,
    state: 'running',
    total_messages: 1_000,
    published: 0,
    confirmed: 0,
    confirmed_messages: 0,
    rate_per_second: 0,
    workers_number: 4,
    buffer_size: 100,
    pulses_per_message: 1,
    started_at: '2026-01-31T13:00:00.000Z',
    finished_at: null,
    error: null,
  });
  const end = new Date('2026-01-31T13:00:04Z');
  const ended = { state: 'failed', error: 'gone', published: 900, confirmed: 800 } as const;
  runs.started.set(run!.id, { ...run!, ...ended, updatedAt: end, finishedAt: end });
  const read = await get(String(started.headers.location));
  expect(read.statusCode).toBe(200);
  expect(read.json()).toMatchObject({
    ...ended,
    confirmed_messages: 800,
    rate_per_second: 200,
    finished_at: '2026-01-31T13:00:04.000Z',
  });
});

test('a run says how many pulses and how many messages of several are confirmed', async () => {
  const { id } = (await post({ ...BODY, pulses_per_message: 30 })).json<{ id: string }>();
  const run = runs.started.get(id)!;
  expect(run).toMatchObject({ total: 1_000, pulsesPerMessage: 30 });
  // The last of 34 messages holds 10 pulses.
  runs.started.set(id, { ...run, confirmed: 940 });
  expect((await get(`${URL}/${id}`)).json()).toMatchObject({
    total_messages: 1_000,
    pulses_per_message: 30,
    confirmed: 940,
    confirmed_messages: 32,
  });
});

test('the limits themselves are accepted', async () => {
  const high = { total_messages: 10_000_000, workers_number: 64, buffer_size: 10_000 };
  expect((await post({ ...high, pulses_per_message: 1_000 })).statusCode).toBe(202);
  expect((await post({ total_messages: 1, workers_number: 1, buffer_size: 1 })).statusCode).toBe(
    202,
  );
});

describe('a body is refused, never coerced', () => {
  const numbers = [null, true, '7', [5], {}, 1.5, 0, -1, 1e300, ''];
  const cases = [...Object.keys(BODY), 'pulses_per_message'].flatMap((field) =>
    numbers.map((value) => [field, JSON.stringify(value), { ...BODY, [field]: value }] as const),
  );
  test.each(cases)('%s: %s', async (field, _text, body) => {
    const res = await post(body);
    expect(res.statusCode).toBe(400);
    expect(res.json()).toMatchObject({
      status: 400,
      code: 'PULSE_API_INVALID_REQUEST',
      instance: URL,
      errors: [{ field }],
    });
    expect(runs.started.size).toBe(0);
  });

  test.each([
    ['total_messages', { ...BODY, total_messages: 10_000_001 }],
    ['workers_number', { ...BODY, workers_number: 65 }],
    ['buffer_size', { ...BODY, buffer_size: 10_001 }],
    ['total_messages', { workers_number: 1, buffer_size: 1 }],
    ['extra', { ...BODY, extra: 1 }],
    ['a/b~c', { ...BODY, 'a/b~c': 1 }],
    ['body', []],
    ['body', null],
    ['body', 'text'],
    ['body', 7],
  ])('%s is named: %j', async (field, body) => {
    const res = await post(JSON.stringify(body));
    expect(res.statusCode).toBe(400);
    expect(res.json<{ errors: { field: string }[] }>().errors.map((e) => e.field)).toContain(field);
  });

  test.each([
    [0, 'must be at least 1'],
    [1_001, 'must be at most 1000'],
  ])('pulses_per_message %i: the limit is named', async (pulses_per_message, message) => {
    const res = await post({ ...BODY, pulses_per_message });
    expect(res.statusCode).toBe(400);
    expect(res.json()).toMatchObject({ errors: [{ field: 'pulses_per_message', message }] });
  });

  test('every wrong field is named, up to twenty', async () => {
    const res = await post({ total_messages: '1', workers_number: 0, buffer_size: 1.5 });
    expect(res.json<{ errors: { field: string }[] }>().errors.map((e) => e.field)).toEqual([
      'total_messages',
      'workers_number',
      'buffer_size',
    ]);
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x${i}`, i]));
    expect((await post(many)).json<{ errors: unknown[] }>().errors).toHaveLength(20);
  });

  test('1e3 is read as the integer 1000', async () => {
    const res = await post('{"total_messages":1e3,"workers_number":1.0,"buffer_size":1}');
    expect(res.statusCode).toBe(202);
    expect(res.json()).toMatchObject({ total_messages: 1000, workers_number: 1 });
  });

  test.each([
    ['cut off', '{"total_messages":'],
    ['empty', ''],
    ['NaN', '{"total_messages":NaN}'],
    ['with a prototype', '{"__proto__":{"a":1},"total_messages":1}'],
  ])('JSON that is %s', async (_name, payload) => {
    const res = await post(payload);
    expect(res.statusCode).toBe(400);
    expect(res.json()).toMatchObject({ code: 'PULSE_API_MALFORMED_BODY' });
  });
});

test('more runs than the limit are refused with 409 until one has ended', async () => {
  const answers = await Promise.all([post(BODY), post(BODY), post(BODY)]);
  expect(answers.map((res) => res.statusCode).sort()).toEqual([202, 202, 409]);
  expect(answers.find((res) => res.statusCode === 409)!.json()).toMatchObject({
    code: 'PULSE_API_POPULATE_BUSY',
  });
  const [run] = runs.started.values();
  runs.started.set(run!.id, { ...run!, state: 'completed', finishedAt: new Date() });
  expect((await post(BODY)).statusCode).toBe(202);
});

test('a failed start frees its place', async () => {
  const start = runs.start.bind(runs);
  runs.start = () => Promise.reject(new TransientError('PULSE_RABBIT_BLOCKED', 'amqp://secret'));
  for (let attempt = 0; attempt < 3; attempt++) {
    const res = await post(BODY);
    expect(res.statusCode).toBe(503);
    expect(res.headers['retry-after']).toBe('5');
    expect(res.body).not.toContain('secret');
  }
  runs.start = start;
  expect((await post(BODY)).statusCode).toBe(202);
});

test('an unknown run is 404, an invalid id is 400', async () => {
  const unknown = await get(`${URL}/b3a3c0ff-9a46-4a7b-8d0a-0f2f4e4d3c2b`);
  expect(unknown.statusCode).toBe(404);
  expect(unknown.json()).toMatchObject({ code: 'PULSE_API_NOT_FOUND' });
  const invalid = await get(`${URL}/7`);
  expect(invalid.statusCode).toBe(400);
  expect(invalid.json()).toMatchObject({ errors: [{ field: 'run_id' }] });
});

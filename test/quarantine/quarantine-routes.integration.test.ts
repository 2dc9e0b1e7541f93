import { randomUUID } from 'node:crypto';
import type { InjectOptions } from 'fastify';
import { beforeEach, describe, expect, test } from 'vitest';
import { TransientError } from '../../src/core/errors.ts';
import { sentPulse } from '../support/pulses.ts';
import { authorization, createTestApp } from '../api/api-fixture.ts';
import { BASE, useQuarantineApi } from './quarantine-api.ts';
import { useQuarantineFixture } from './quarantine-fixture.ts';

const GOOD = sentPulse({ id: 'p-1' });
const BAD = { ...GOOD, used_amount: 0 };

const fixture = useQuarantineFixture();
const api = useQuarantineApi(fixture);

/** The members of all answers that the tests read. */
interface Answer {
  readonly data: { readonly id: string }[];
  readonly next: string | null;
  readonly body: { readonly content: string };
  readonly errors: { readonly field: string }[];
}

async function request(
  method: NonNullable<InjectOptions['method']>,
  ...[path, body, sub = 'alice']: [path: string, body?: object, sub?: string]
) {
  const res = await api.ask(method, path, { body, sub });
  return { status: res.statusCode, headers: res.headers, body: res.json<Answer>() };
}
const get = (path: string) => request('GET', path);
const post = (path: string, body?: object) => request('POST', path, body);

/** Sends one bad pulse and waits for it in the quarantine. */
async function quarantined(body: unknown = BAD): Promise<string> {
  await fixture.send(body, { messageId: randomUUID() });
  return (await fixture.waiting(1))[0]!.id;
}

describe('a dead letter over HTTP', () => {
  test('is listed, shown, fixed, replayed and counted once', async () => {
    const id = await quarantined();
    const listed = await get('?state=quarantined&tenant=acme&reason=amount_not_positive');
    expect(listed).toMatchObject({
      status: 200,
      body: { data: [{ id, tenant: 'acme' }], next: null },
    });
    expect(listed.body.data[0]).not.toHaveProperty('body');

    const shown = await get(`/${id}`);
    expect(shown).toMatchObject({
      status: 200,
      body: { id, body: { encoding: 'utf8' }, original_body: null, actions: [] },
    });
    expect(JSON.parse(shown.body.body.content)).toEqual(BAD);

    const content = JSON.stringify(GOOD);
    expect(await request('PUT', `/${id}/body`, { content, note: 'zero' })).toMatchObject({
      status: 200,
      body: { id, state: 'quarantined', is_fixed: true },
    });
    for (const duplicates of [0, 1]) {
      expect(await post(`/${id}/replay`)).toMatchObject({
        status: 200,
        body: { outcome: 'replayed', dead_letter: { id, state: 'replayed' } },
      });
      await fixture.settled({ counted: 1, duplicates });
    }
    const { body } = await get(`/${id}`);
    expect(body).toMatchObject({
      body: { content },
      original_body: { content: JSON.stringify(BAD) },
      maybe_counted_since: expect.any(String) as string,
      actions: [
        { action: 'fixed', actor: 'alice', via: 'api', note: 'zero' },
        { action: 'replay_started', actor: 'alice' },
        { action: 'replayed', actor: 'alice' },
        { action: 'replay_started' },
        { action: 'replayed' },
      ],
    });
  });

  test('with a body that is not text is shown and fixed as base64', async () => {
    const id = await quarantined(Buffer.from([0xff, 0x00]));
    const shown = await get(`/${id}`);
    expect(shown.body).toMatchObject({ body: { encoding: 'base64', content: '/wA=' } });
    const content = Buffer.from(JSON.stringify(GOOD)).toString('base64');
    const fixed = await request('PUT', `/${id}/body`, { content, encoding: 'base64' });
    expect(fixed.status).toBe(200);
    expect((await post(`/${id}/replay`, { even_if_forgotten: false })).status).toBe(200);
    await fixture.settled({ counted: 1, duplicates: 0 });
  });

  test('is discarded with a note, and then neither fixed nor discarded again', async () => {
    const id = await quarantined();
    expect(await post(`/${id}/discard`, { note: 'test traffic' })).toMatchObject({
      status: 200,
      body: { id, state: 'discarded' },
    });
    for (const refused of [
      await post(`/${id}/discard`, { note: 'again' }),
      await request('PUT', `/${id}/body`, { content: '{}' }),
    ]) {
      expect(refused).toMatchObject({ status: 409, body: { code: 'PULSE_API_DEAD_LETTER_STATE' } });
      expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
    }
    expect((await get(`/${id}`)).body).toMatchObject({
      actions: [{ action: 'discarded', actor: 'alice', note: 'test traffic' }],
    });
  });

  test('that may have been counted long ago is replayed only with even_if_forgotten', async () => {
    const id = await quarantined();
    await fixture.pool.query(
      `UPDATE dead_letters SET maybe_counted_since = now() - interval '1 day'`,
    );
    expect(await post(`/${id}/replay`)).toMatchObject({
      status: 409,
      body: { code: 'PULSE_API_DEAD_LETTER_FORGOTTEN' },
    });
    expect((await post(`/${id}/replay`, { even_if_forgotten: true })).status).toBe(200);
  });
});

describe('pages', () => {
  test('follow each other by `next` and by Link, with the filters', async () => {
    for (let index = 0; index < 5; index++) await fixture.send(BAD, { messageId: `m-${index}` });
    await fixture.waiting(5);
    const seen: string[] = [];
    let path = '?limit=2&tenant=acme&state=quarantined';
    for (;;) {
      const { body, headers } = await get(path);
      seen.push(...body.data.map(({ id }) => id));
      const link = /^<(.+)>; rel="next"$/.exec(String(headers.link))?.[1];
      expect(link === undefined).toBe(body.next === null);
      if (link === undefined) break;
      path = link.slice(BASE.length);
      const query = new URLSearchParams(path);
      expect(Object.fromEntries(query)).toEqual({
        ...{ limit: '2', tenant: 'acme', state: 'quarantined' },
        after: body.next,
      });
    }
    expect(new Set(seen).size).toBe(5);
    expect(seen).toHaveLength(5);
  });
});

describe('many at once', () => {
  beforeEach(async () => {
    for (let index = 0; index < 4; index++) {
      const body = sentPulse({ id: `p-${index}`, tenant: index === 3 ? 'globex' : 'acme' });
      await fixture.send({ ...body, used_amount: 0 });
    }
    await fixture.waiting(4);
    await fixture.pool.query(
      `UPDATE dead_letters SET body = convert_to(replace(convert_from(body, 'UTF8'), ':0', ':1'), 'UTF8')`,
    );
  });

  test('a dry run changes nothing', async () => {
    expect(await post('/replay', { tenant: 'acme', dry_run: true })).toMatchObject({
      status: 200,
      body: { dry_run: true, matched: 3, by_reason: { amount_not_positive: 3 }, replayed: 0 },
    });
    const discard = { tenant: 'acme', dry_run: true, note: 'why' };
    expect((await post('/discard', discard)).body).toMatchObject({ matched: 3, discarded: 0 });
    await fixture.waiting(4);
  });

  test('are replayed by reason, up to the limit, and counted once', async () => {
    const ask = { reason: 'amount_not_positive', limit: 3, rate_per_second: 500 };
    const first = await post('/replay', ask);
    expect(first).toMatchObject({ status: 200, body: { matched: 4, replayed: 3, end: 'limit' } });
    expect((await post('/replay', { ...ask, after: first.body.next })).body).toMatchObject({
      replayed: 1,
      end: 'finished',
      next: null,
    });
    await fixture.settled({ counted: 4, duplicates: 0 });
  });

  test('are all replayed over a connection whose request has ended before the work', async () => {
    const url = await api.listen();
    const res = await fetch(`${url}${BASE}/replay`, {
      method: 'POST',
      headers: { ...authorization(), 'content-type': 'application/json' },
      body: JSON.stringify({ tenant: 'acme' }),
    });
    expect(await res.json()).toMatchObject({ matched: 3, replayed: 3, end: 'finished' });
  });

  test('are discarded by tenant', async () => {
    const answer = await post('/discard', { tenant: 'globex', note: 'gone' });
    expect(answer).toMatchObject({ status: 200, body: { matched: 1, discarded: 1 } });
    await fixture.waiting(3);
  });

  test("a bulk replay of one tenant does not block another tenant's", async () => {
    const ask = { reason: 'amount_not_positive', rate_per_second: 2, limit: 2 };
    const replayAs = (caller: string) => request('POST', '/replay', ask, caller);
    const answers = await Promise.all(['acme', 'acme', 'globex'].map(replayAs));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 409]);
    expect(answers[2]!.body).toMatchObject({ matched: 1, replayed: 1 });
  });

  test('one bulk replay at a time', async () => {
    const ask = { tenant: 'acme', limit: 10, rate_per_second: 2 };
    const answers = await Promise.all([post('/replay', ask), post('/replay', ask)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({
      code: 'PULSE_API_REPLAY_BUSY',
    });
  });

  test('an unavailable broker is 503, and nothing is lost', async () => {
    const away = new TransientError('PULSE_RABBIT_UNREACHABLE', 'RabbitMQ is away.');
    const { app: lonely } = await createTestApp({
      pool: fixture.pool,
      replay: { ...fixture.replay, publish: () => Promise.reject(away) },
    });
    const send = (url: string, payload: object) =>
      lonely.inject({ method: 'POST', url: BASE + url, headers: authorization(), payload });
    const { id } = (await fixture.list())[0]!;
    expect((await send('/replay', { tenant: 'acme' })).statusCode).toBe(503);
    expect((await send(`/${id}/replay`, {})).statusCode).toBe(503);
    await lonely.close();
    await fixture.waiting(4);
  });
});

describe('refused requests', () => {
  const id = randomUUID();
  test.each([
    ['GET', '?reason=because', undefined, 'reason'],
    ['GET', '?state=lost', undefined, 'state'],
    ['GET', '?limit=0', undefined, 'limit'],
    ['GET', '?limit=1001', undefined, 'limit'],
    ['GET', '?after=1', undefined, 'after'],
    ['GET', '?from=yesterday', undefined, 'from'],
    ['GET', '?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', undefined, 'to'],
    ['GET', '?tenant=a%00b', undefined, 'tenant'],
    ['GET', '?offset=1', undefined, 'offset'],
    ['GET', '/7', undefined, 'id'],
    ['PUT', '/7/body', {}, 'id'],
    ['POST', `/${id}/replay`, { even_if_forgotten: 'true' }, 'even_if_forgotten'],
    ['POST', `/${id}/replay`, { force: true }, 'force'],
    ['POST', `/${id}/discard`, {}, 'note'],
    ['POST', `/${id}/discard`, { note: '' }, 'note'],
    ['POST', '/discard', { note: 'why' }, 'body'],
    ['POST', '/discard', { tenant: 'acme' }, 'note'],
    ['POST', '/replay', {}, 'body'],
    ['POST', '/replay', { dry_run: true }, 'body'],
    ['POST', '/replay', { tenant: 'acme', limit: 1_001 }, 'limit'],
    ['POST', '/replay', { tenant: 'acme', limit: 31, rate_per_second: 1 }, 'limit'],
    ['POST', '/replay', { tenant: 'acme', rate_per_second: 0 }, 'rate_per_second'],
    ['POST', '/replay', { tenant: null }, 'tenant'],
    ['POST', '/replay', { tenant: 'acme', after: "1'; DROP TABLE dead_letters" }, 'after'],
  ] as const)('%s %s %j names the field %s', async (method, path, body, field) => {
    const answer = await request(method, path, body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors.map((error) => error.field)).toContain(field);
  });

  test.each([
    ['GET', `/${id}`, undefined],
    ['PUT', `/${id}/body`, { content: '{}' }],
    ['POST', `/${id}/replay`, undefined],
    ['POST', `/${id}/discard`, { note: 'why' }],
  ] as const)('%s of an unknown id is 404', async (method, path, body) => {
    expect(await request(method, path, body)).toMatchObject({
      status: 404,
      body: { code: 'PULSE_API_NOT_FOUND' },
    });
  });
});

/** Producers and event types over HTTP, with the real tables behind. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { useEventsApi } from './events-api.ts';
import { useEventsFixture } from './events-fixture.ts';

const fixture = useEventsFixture();
const ask = useEventsApi(fixture);

describe('a producer', () => {
  test('is created once, renamed after that, and shown with an ETag', async () => {
    const path = `/producers/${encodeURIComponent('//meters/7')}`;
    const created = await ask('PUT', path, { name: 'Meter' });
    expect(created).toMatchObject({ status: 201, body: { id: '//meters/7', name: 'Meter' } });
    expect(await ask('PUT', path, {})).toMatchObject({ status: 200, body: { name: null } });
    const found = await ask('GET', path);
    expect(found).toMatchObject({ status: 200, body: { id: '//meters/7', name: null } });
    expect(found.headers.etag).toBeDefined();
    expect((await ask('GET', '/producers/nobody')).status).toBe(404);
  });

  test('called pulse is nobody else, and only callers of all tenants register one', async () => {
    const reserved = await ask('PUT', '/producers/pulse', {});
    expect(reserved).toMatchObject({ status: 409, body: { code: 'PULSE_API_NAME_RESERVED' } });
    expect((await ask('PUT', '/producers/mine', {}, { as: 'scoped' })).status).toBe(403);
    expect((await ask('GET', '/producers/pulse', undefined, { as: 'scoped' })).status).toBe(200);
  });

  test('is on one page of the list', async () => {
    await ask('PUT', '/producers/aaa', {});
    await ask('PUT', '/producers/aab', {});
    const first = await ask('GET', '/producers?limit=1');
    expect(first.headers.link).toMatch(/after=.*rel="next"/);
    const second = await ask('GET', `/producers?limit=1&after=${String(first.body.next)}`);
    expect([first.body.data, second.body.data].flat()).toMatchObject([
      { id: '//meters/7' },
      { id: 'aaa' },
    ]);
  });
});

describe('an event type', () => {
  const path = () => `/event-types/type-${randomUUID()}`;
  const requires = (...required: string[]) => ({ type: 'object', required });

  test('has a new version for each change, and none for the same schema', async () => {
    const url = path();
    const first = await ask('PUT', url, { schema: requires('a', 'b'), description: 'One.' });
    expect(first).toMatchObject({
      status: 201,
      body: { version: 1, is_breaking: false, created_by: 'alice', description: 'One.' },
    });
    const same = { schema: { required: ['a', 'b'], type: 'object' }, description: 'One.' };
    expect(await ask('PUT', url, same)).toMatchObject({ status: 200, body: { version: 1 } });
    const second = await ask('PUT', url, { schema: requires('a') });
    expect(second).toMatchObject({ status: 200, body: { version: 2, is_breaking: false } });
    expect((await ask('GET', url)).body).toEqual(second.body);
    expect((await ask('GET', `${url}?version=1`)).body).toEqual(first.body);
    expect((await ask('GET', `${url}?version=3`)).status).toBe(404);
    const page = await ask('GET', `${url}/versions?limit=1`);
    expect(page.body).toEqual({ data: [second.body], next: 2 });
    expect((await ask('GET', `${url}/versions?after=2`)).body).toEqual({
      ...{ data: [first.body], next: null },
    });
  });

  test('that would refuse old events is refused, unless it is forced', async () => {
    const url = path();
    await ask('PUT', url, { schema: requires('a') });
    const refused = await ask('PUT', url, { schema: requires('a', 'b') });
    expect(refused).toMatchObject({ status: 409, body: { code: 'PULSE_API_EVENT_TYPE_BREAKS' } });
    expect(refused.body.pointer).toMatch(/^\/required/);
    expect((await ask('GET', url)).body).toMatchObject({ version: 1 });
    const forced = await ask('PUT', `${url}?force=true`, { schema: requires('a', 'b') });
    expect(forced).toMatchObject({ status: 200, body: { version: 2, is_breaking: true } });
  });

  test('gets a version for each of the changes that come at once', async () => {
    // In the first round most connections are still being opened.
    for (let round = 0; round < 4; round += 1) {
      const url = path();
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          ask('PUT', url, { schema: {}, description: `${index}` }),
        ),
      );
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([...Array<number>(7).fill(200), 201]);
      const versions = answers.map(({ body }) => body.version as number).sort();
      expect(versions).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    }
  });

  test('needs a schema that Pulse can check, and a name that is free', async () => {
    const invalid = await ask('PUT', path(), { schema: { properties: { a: { type: 'thing' } } } });
    expect(invalid).toMatchObject({
      status: 422,
      body: { code: 'PULSE_API_EVENT_SCHEMA_INVALID', pointer: '/properties/a/type' },
    });
    const reserved = await ask('PUT', '/event-types/order.completed', { schema: {} });
    expect(reserved).toMatchObject({ status: 409, body: { code: 'PULSE_API_NAME_RESERVED' } });
    expect((await ask('PUT', path(), { schema: {} }, { as: 'scoped' })).status).toBe(403);
  });

  test('is listed with its newest version, the types of Pulse included', async () => {
    const { body } = await ask('GET', '/event-types?limit=100');
    const order = { name: 'order.completed', version: 1, created_by: 'pulse' };
    expect(body.data).toContainEqual(expect.objectContaining(order));
  });

  test('is not created beyond the limit', async () => {
    const { pool } = fixture;
    await pool.query(
      "INSERT INTO event_types (name, version) SELECT 'many.' || n, 1 FROM generate_series(1, 1000) n",
    );
    const refused = await ask('PUT', path(), { schema: {} });
    expect(refused.body).toMatchObject({ code: 'PULSE_API_TOO_MANY_EVENT_TYPES' });
    await pool.query("DELETE FROM event_types WHERE name LIKE 'many.%'");
  });
});

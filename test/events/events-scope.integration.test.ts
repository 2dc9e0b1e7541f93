/** Who may send events to which clients, and see whose messages. */
import type { ClientBase } from 'pg';
import { describe, expect, test } from 'vitest';
import type { TenantScope } from '../../src/core/tenant-scope.ts';
import { readByNumber, readNewest } from '../../src/events/message-pages-query.ts';
import { readAsTenants } from '../../src/platform/scoped-postgres.ts';
import { eventOf, useEventsApi } from './events-api.ts';
import { useEventsFixture } from './events-fixture.ts';

type Queryable = Pick<ClientBase, 'query'>;

const fixture = useEventsFixture();
const ask = useEventsApi(fixture);

async function pull(client: string) {
  const asked = { as: 'scoped' };
  const { body } = await ask('GET', `/messages?client=${client}&after=0`, undefined, asked);
  return body as { data: Record<string, unknown>[] };
}

describe('a caller of some tenants', () => {
  const as = { as: 'scoped' };

  test('sends for their customers only, and cannot tell others from nobody', async () => {
    const names = await fixture.make();
    const to = (client: string) => eventOf(names, { id: client, client });
    const clients = ['of-acme', 'of-other', 'of-none', 'of-nobody'];
    const { body } = await ask('POST', '/events', clients.map(to), as);
    expect(body).toMatchObject({ stored: 1, rejected: 3 });
    const [, ...refused] = body.outcomes as { code: string; detail: string }[];
    const shapes = refused.map(({ detail, ...rest }, index) => ({
      ...{ ...rest, index: 0, detail: detail.replace(clients[index + 1]!, '') },
    }));
    expect(new Set(shapes.map((shape) => JSON.stringify(shape))).size).toBe(1);
    expect(shapes[0]).toMatchObject({ code: 'unknown_client', pointer: '/client' });
    expect(await fixture.messagesOf('of-other')).toEqual([]);
  });

  test('sees the messages of their customers only', async () => {
    const names = await fixture.make();
    const own = eventOf(names, { client: 'of-acme' });
    const foreign = eventOf(names, { client: 'of-other' });
    await ask('POST', '/events', [own, foreign, eventOf(names, { client: 'of-none' })]);
    const filter = `producer=${names.producer}`;
    const list = await ask('GET', `/messages?${filter}`, undefined, as);
    expect(list.body).toMatchObject({ data: [{ id: own.id }], next: null });
    expect((await ask('GET', `/messages?${filter}`)).body.data).toHaveLength(3);
    expect((await pull('of-other')).data).toEqual([]);
    expect((await pull('of-acme')).data).toContainEqual(expect.objectContaining({ id: own.id }));
    const one = (id: string) => ask('GET', `/messages/${names.producer}/${id}`, undefined, as);
    expect((await one(own.id)).status).toBe(200);
    expect((await one(foreign.id)).status).toBe(404);
  });

  test('is held to them by the query and, without its filter, by the database', async () => {
    const { pool } = fixture;
    const names = await fixture.make();
    const events = ['of-acme', 'of-other'].map((client) => eventOf(names, { id: client, client }));
    await ask('POST', '/events', events);
    const acme = ['acme'];
    const read = async (client: Queryable, scope: TenantScope) => {
      const filters = { scope, producer: names.producer };
      const other = { ...filters, client: 'of-other' };
      const newest = await readNewest(client, filters, { limit: 9 });
      const pulled = await readByNumber(client, other, { limit: 9, after: '0' });
      return [...newest.messages, ...pulled.messages].map(({ id }) => id);
    };
    expect(await read(pool, 'all')).toEqual(['of-other', 'of-acme', 'of-other']);
    expect(await read(pool, acme)).toEqual(['of-acme']);
    expect(await readAsTenants(pool, acme, (client) => read(client, 'all'))).toEqual(['of-acme']);
  });
});

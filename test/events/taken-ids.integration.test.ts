/** An id of a producer that an event of one client has is free for no other client. */
import { describe, expect, test } from 'vitest';
import { DEAD_LETTER_HEADERS } from '../../src/contract/rejection.ts';
import type { Event as SentEvent } from '../../src/events/events.ts';
import { storeEvents } from '../../src/events/store-events.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { eventOf, useEventsApi } from './events-api.ts';
import { useEventsFixture } from './events-fixture.ts';

const fixture = useEventsFixture();
const ask = useEventsApi(fixture);
const WAIT = { timeout: 20_000, interval: 50 };

const TAKEN = { status: 'rejected', code: 'id_taken', pointer: '/id' };

/** Two clients, and a producer of both. */
async function makeTwo() {
  const { client: other } = await fixture.make();
  const names = await fixture.make();
  const idsOf = async (client: string) => (await fixture.messagesOf(client)).map(({ id }) => id);
  return { names, other, idsOf };
}

describe('an event with the id of one for another client', () => {
  test('is refused over HTTP, alone and among others, and stored with another id', async () => {
    const { names, other, idsOf } = await makeTwo();
    const first = eventOf(names, { id: 'invoice-8' });
    await ask('POST', '/events', first);
    const foreign = { ...first, client: other };
    const alone = await ask('POST', '/events', foreign);
    expect(alone.status).toBe(422);
    expect(alone.body).toMatchObject({ code: 'PULSE_API_EVENTS_REJECTED' });
    expect(alone.body.outcomes).toEqual([
      { index: 0, ...TAKEN, detail: expect.stringContaining('"invoice-8"') as string },
    ]);
    const own = { ...foreign, id: 'invoice-9' };
    const { status, body } = await ask('POST', '/events', [foreign, first, own, foreign]);
    expect(status).toBe(200);
    expect(body).toMatchObject({ stored: 1, duplicate: 1, rejected: 2 });
    expect(body.outcomes).toMatchObject([
      TAKEN,
      { status: 'duplicate' },
      { status: 'stored' },
      TAKEN,
    ]);
    expect(await idsOf(names.client)).toEqual(['invoice-8']);
    expect(await idsOf(other)).toEqual(['invoice-9']);
  });

  test('is refused within one request, where the first of them is stored', async () => {
    const { names, other, idsOf } = await makeTwo();
    const first = eventOf(names);
    const { body } = await ask('POST', '/events', [first, { ...first, client: other }, first]);
    expect(body.outcomes).toMatchObject([{ status: 'stored' }, TAKEN, { status: 'duplicate' }]);
    expect(await idsOf(names.client)).toEqual([first.id]);
    expect(await idsOf(other)).toEqual([]);
  });

  test('takes nothing of it: the client of the first one still gets a duplicate, whatever is in it', async () => {
    const { names, other, idsOf } = await makeTwo();
    const first = eventOf(names);
    await ask('POST', '/events', first);
    const changed = { ...first, data: { size: 2 } };
    const { body } = await ask('POST', '/events', [{ ...first, client: other }, changed]);
    expect(body.outcomes).toMatchObject([TAKEN, { status: 'duplicate' }]);
    expect(await idsOf(names.client)).toEqual([first.id]);
  });

  test('does not tell a caller of some tenants whose it is', async () => {
    const { names } = await makeTwo();
    const first = eventOf(names, { client: 'of-other' });
    await ask('POST', '/events', first);
    const asked = { as: 'scoped' };
    const { status, text } = await ask('POST', '/events', { ...first, client: 'of-acme' }, asked);
    expect(status).toBe(422);
    expect(text).toContain('id_taken');
    expect(text).not.toContain('of-other');
  });

  test('is a dead letter over RabbitMQ, while the same event again is none', async () => {
    const { names, other, idsOf } = await makeTwo();
    const first = eventOf(names);
    const own = eventOf(names, { client: other });
    await fixture.send([first]);
    await expect.poll(() => idsOf(names.client), WAIT).toEqual([first.id]);
    await fixture.send([first, { ...first, client: other }, own]);
    const letters: Record<string, unknown>[] = [];
    await expect
      .poll(async () => {
        const letter = await fixture.takeDeadLetter();
        if (letter !== false) letters.push(letter.properties.headers as Record<string, unknown>);
        return letters.length;
      }, WAIT)
      .toBe(1);
    expect(letters[0]?.[DEAD_LETTER_HEADERS.reason]).toBe('message_impossible');
    expect(letters[0]?.[DEAD_LETTER_HEADERS.detail]).toMatch(/^id_taken: \/id: /);
    await expect.poll(() => idsOf(other), WAIT).toEqual([own.id]);
    expect(await idsOf(names.client)).toEqual([first.id]);
    expect(await fixture.takeDeadLetter()).toBe(false);
  });

  test('is refused when both come at once', async () => {
    const { names, other, idsOf } = await makeTwo();
    const event = eventOf(names, { dataText: '{"size":1}', occurredAt: undefined }) as SentEvent;
    const { later } = await withTransaction(fixture.pool, async (client) => {
      expect(await storeEvents(client, [event], fixture.schemas)).toEqual(['stored']);
      const asked = ask('POST', '/events', eventOf(names, { id: event.id, client: other }));
      // It has begun, and waits for this transaction, which itself would always see the same activity.
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const sql = 'SELECT FROM pg_stat_activity WHERE $1::integer = ANY(pg_blocking_pids(pid))';
      const waiting = async () => (await fixture.pool.query(sql, [rows[0]?.pid])).rowCount;
      await expect.poll(waiting, WAIT).toBe(1);
      return { later: asked };
    });
    expect((await later).body.outcomes).toMatchObject([TAKEN]);
    expect([...(await idsOf(names.client)), ...(await idsOf(other))]).toEqual([event.id]);
  });
});

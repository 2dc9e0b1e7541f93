import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { fanOut } from '../../src/delivery/fan-out.ts';
import { claimEndpoints, releaseEndpoint } from '../../src/delivery/leases-query.ts';
import { useDeliveryFixture } from './delivery-fixture.ts';

const fixture = useDeliveryFixture();
const WAIT = { timeout: 20_000, interval: 50 };

interface Place {
  /** When the next of its deliveries is due, in seconds from now. */
  readonly dueIn?: number;
  /** When it was served last, in seconds before now. */
  readonly servedAgo?: number;
  readonly failures?: number;
}

/** An endpoint whose last delivery waits for its retry. */
async function makeFailing(place: Place) {
  const client = await fixture.makeClient();
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(client, receiver);
  await put(id, { failures: 12, ...place });
  return { client, receiver, id };
}

async function put(id: string, { dueIn, servedAgo, failures = 0 }: Place): Promise<void> {
  await fixture.pool.query(
    `UPDATE endpoint_states SET failures_in_row = $2, due_at = now() + $3 * interval '1 second',
       held_until = now() - $4 * interval '1 second' WHERE endpoint_id = $1`,
    [id, failures, dueIn ?? null, servedAgo ?? null],
  );
}

async function claim(setAside: boolean, limit = 10): Promise<string[]> {
  const claimed = await claimEndpoints(fixture.pool, {
    lease: randomUUID(),
    limit,
    perClientMax: 10,
    setAside,
    setAsideAfter: 10,
    busyClients: [],
  });
  return claimed.map(({ id }) => id);
}

/** What earlier tests have left is not claimed. */
const disableAll = () => fixture.pool.query(`UPDATE endpoints SET status = 'disabled'`);

test('an endpoint that is set aside gets new events, however late its retries are due', async () => {
  const { client, receiver, id } = await makeFailing({ dueIn: 36_000, servedAgo: 120 });
  await fixture.store(client, [{ size: 1 }]);
  fixture.startSender();
  await expect.poll(() => receiver.received.length, WAIT).toBe(1);
  await expect.poll(async () => (await fixture.readEndpoint(id)).failuresInRow, WAIT).toBe(0);
});

test('an endpoint that is set aside is left alone for a minute after it was served', async () => {
  await disableAll();
  const { client, id } = await makeFailing({ dueIn: 36_000, servedAgo: 120 });
  expect(await claim(true)).toEqual([]);
  await fixture.store(client, [{ size: 1 }]);
  const lease = randomUUID();
  await fixture.pool.query('UPDATE endpoint_states SET held_by = $2 WHERE endpoint_id = $1', [
    id,
    lease,
  ]);
  await releaseEndpoint(
    fixture.pool,
    { endpointId: id, lease },
    { pauseMs: 60_000, isFifo: false },
  );
  expect(await claim(true)).toEqual([]);
  await put(id, { failures: 12, dueIn: 36_000, servedAgo: 61 });
  expect(await claim(true)).toEqual([id]);
});

test('whoever was not served for longest comes first, with new events or with due deliveries', async () => {
  await disableAll();
  const places = { first: 300, second: 200, third: 100 };
  const ids: Record<string, string> = {};
  const made = await makeFailing({ failures: 0, dueIn: -places.second });
  ids.second = made.id;
  for (const [name, dueIn] of [
    ['third', undefined],
    ['first', 36_000],
  ] as const) {
    const { client, id } = await makeFailing({});
    await fixture.store(client, [{ size: 1 }]);
    await put(id, { servedAgo: places[name], ...(dueIn === undefined ? {} : { dueIn }) });
    ids[name] = id;
  }
  for (const name of ['first', 'second', 'third'])
    expect(await claim(false, 1)).toEqual([ids[name]]);
});

test('a sender that dies after it has made a delivery leaves it to others, however late others are due', async () => {
  await disableAll();
  const { client, id } = await makeFailing({ dueIn: 36_000, failures: 0 });
  await fixture.store(client, [{ size: 1 }]);
  expect(await claim(false)).toEqual([id]);
  const { rows } = await fixture.pool.query<{ lease: string }>(
    'SELECT held_by AS lease FROM endpoint_states WHERE endpoint_id = $1',
    [id],
  );
  const deps = { pool: fixture.pool, onStep: () => undefined };
  const endpoint = await fixture.readEndpoint(id);
  expect(await fanOut(deps, endpoint, { endpointId: id, lease: rows[0]!.lease })).toBe(false);
  await fixture.pool.query(
    `UPDATE endpoint_states SET held_until = now() - interval '1 second' WHERE endpoint_id = $1`,
    [id],
  );
  expect(await claim(false)).toEqual([id]);
});

test('an endpoint whose new events were dropped before it was served is claimed once', async () => {
  await disableAll();
  const { client, id, receiver } = await makeFailing({ failures: 0 });
  await fixture.store(client, [{ size: 1 }, { size: 2 }]);
  await fixture.pool.query('DELETE FROM messages WHERE client = $1', [client]);
  const sender = fixture.startSender();
  await expect.poll(() => claimed(id), WAIT).toBe(true);
  await expect.poll(() => sender.servedCount, WAIT).toBe(0);
  expect(await claim(false)).toEqual([]);

  await fixture.store(client, [{ size: 3 }]);
  await expect.poll(() => receiver.received.length, WAIT).toBe(1);
  expect(await fixture.deliveries(id)).toMatchObject([{ number: '3' }]);
});

test('an endpoint whose last new events were dropped is claimed once, and gets those before', async () => {
  await disableAll();
  const { client, id, receiver } = await makeFailing({ failures: 0 });
  await fixture.store(client, [{ size: 1 }, { size: 2 }]);
  await fixture.pool.query('DELETE FROM messages WHERE client = $1 AND number = 2', [client]);
  const sender = fixture.startSender();
  await expect.poll(() => receiver.received.length, WAIT).toBe(1);
  await expect.poll(() => sender.servedCount, WAIT).toBe(0);
  expect(await claim(false)).toEqual([]);
  expect(await fixture.deliveries(id)).toMatchObject([{ number: '1', status: 'delivered' }]);
});

/** Whether it has ever been served and is free. */
async function claimed(id: string): Promise<boolean> {
  const { rows } = await fixture.pool.query<{ served: boolean }>(
    `SELECT held_by IS NULL AND held_until IS NOT NULL AS served FROM endpoint_states WHERE endpoint_id = $1`,
    [id],
  );
  return rows[0]!.served;
}

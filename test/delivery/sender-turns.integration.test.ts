import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { putEndpoint, removeEndpoint } from '../../src/delivery/change-endpoint.ts';
import { lockSeen, resendDelivery, wakeEndpoint } from '../../src/delivery/deliveries-query.ts';
import { lockEndpoint } from '../../src/delivery/endpoints-query.ts';
import { fanOut } from '../../src/delivery/fan-out.ts';
import { claimEndpoints, releaseEndpoint } from '../../src/delivery/leases-query.ts';
import { insertAttempts, insertDeliveries } from '../../src/delivery/sender-query.ts';
import { startSender } from '../../src/delivery/sender.ts';
import { pullMessageHeads } from '../../src/events/messages-query.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { useDeliveryFixture } from './delivery-fixture.ts';

const fixture = useDeliveryFixture();
const WAIT = { timeout: 20_000, interval: 50 };
const sizes = (count: number) => Array.from({ length: count }, (_, size) => ({ size }));

async function claim(endpointId: string): Promise<string> {
  const lease = randomUUID();
  await fixture.pool.query(
    `UPDATE endpoint_states SET held_by = $2, held_until = now() + interval '30 seconds' WHERE endpoint_id = $1`,
    [endpointId, lease],
  );
  return lease;
}

async function insertPending(client: string, endpointId: string) {
  const heads = await pullMessageHeads(fixture.pool, client, { limit: 10, after: '0' });
  await insertDeliveries(fixture.pool, endpointId, heads);
}

async function stateOf(endpointId: string) {
  const { rows } = await fixture.pool.query<{ dueAt: Date | null; heldBy: string | null }>(
    'SELECT due_at AS "dueAt", held_by AS "heldBy" FROM endpoint_states WHERE endpoint_id = $1',
    [endpointId],
  );
  return rows[0];
}

async function waitForLock() {
  const waiting = async () => {
    const { rowCount } = await fixture.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return rowCount;
  };
  await expect.poll(waiting, WAIT).toBe(1);
}

test('a delivery that is made due while its endpoint is released is not forgotten', async () => {
  const client = await fixture.makeClient();
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(client, receiver);
  await fixture.store(client, sizes(1));
  const lease = await claim(id);
  let released: Promise<void> | undefined;
  await withTransaction(fixture.pool, async (connection) => {
    await lockSeen(connection, id);
    const heads = await pullMessageHeads(connection, client, { limit: 10, after: '0' });
    await insertDeliveries(connection, id, heads);
    await wakeEndpoint(connection, id);
    const how = { pauseMs: 0, isFifo: false };
    released = releaseEndpoint(fixture.pool, { endpointId: id, lease }, how);
    await waitForLock();
  });
  await released;
  expect(await stateOf(id)).toMatchObject({ dueAt: expect.any(Date) as Date, heldBy: null });
});

test('a sender that has lost its endpoint to another makes no deliveries', async () => {
  const client = await fixture.makeClient();
  const { id } = await fixture.makeEndpoint(client, await fixture.startReceiver());
  await fixture.store(client, sizes(2));
  const lost = await claim(id);
  const held = await claim(id);
  const endpoint = await fixture.readEndpoint(id);
  const deps = { pool: fixture.pool, onStep: () => undefined };
  expect(await fanOut(deps, endpoint, { endpointId: id, lease: lost })).toBeUndefined();
  expect(await fixture.deliveries(id)).toEqual([]);
  expect(await fanOut(deps, endpoint, { endpointId: id, lease: held })).toBe(false);
  expect(await fixture.deliveries(id)).toHaveLength(2);
});

test('who changes an endpoint does not keep its sender from adding deliveries', async () => {
  const client = await fixture.makeClient();
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(client, receiver);
  await fixture.store(client, sizes(1));
  await withTransaction(fixture.pool, async (connection) => {
    await lockEndpoint(connection, id);
    await insertPending(client, id);
  });
  expect(await fixture.deliveries(id)).toHaveLength(1);
});

test('a delivery that ends with its endpoint is not pending again after its attempt', async () => {
  const client = await fixture.makeClient();
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(client, receiver);
  await fixture.store(client, sizes(1));
  await claim(id);
  await insertPending(client, id);
  await removeEndpoint(fixture.pool, id);
  const { rows } = await fixture.pool.query<{ deliveryId: string; createdAt: Date }>(
    'SELECT id AS "deliveryId", created_at AS "createdAt" FROM deliveries WHERE endpoint_id = $1',
    [id],
  );
  const attempt = { attemptedAt: new Date(), statusCode: 500, durationMs: 1, error: null };
  const failure = { ...attempt, outcome: 'failed', response: null, dueAt: new Date() } as const;
  await insertAttempts(fixture.pool, id, [{ ...rows[0]!, ...failure, attemptCount: 0 }]);
  expect(await fixture.deliveries(id)).toMatchObject([{ status: 'failed', attempts: 1 }]);
  expect(await stateOf(id)).toEqual({ dueAt: null, heldBy: null });
});

test('an endpoint that is created anew gets nothing that the deleted one had left', async () => {
  const client = await fixture.makeClient();
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(client, receiver);
  await fixture.store(client, sizes(2));
  await removeEndpoint(fixture.pool, id);
  await insertPending(client, id);
  const facts = { id, client, url: receiver.url, description: null, types: null, filter: null };
  const wanted = { ...facts, isFifo: false, ratePerSecond: null, status: undefined };
  const created = await withTransaction(fixture.pool, (connection) =>
    putEndpoint(
      connection,
      { ...wanted, secret: undefined },
      { secretBox: fixture.secretBox, guard: fixture.guard, mayKnow: true },
    ),
  );
  expect(created.secret).toBeDefined();
  expect((await fixture.deliveries(id)).map(({ status }) => status)).toEqual(['failed', 'failed']);
});

test('an endpoint that always has something to send leaves its place to others', async () => {
  const client = await fixture.makeClient();
  const receiver = await fixture.startReceiver();
  const ids: string[] = [];
  for (let count = 0; count < 11; count++) {
    ids.push((await fixture.makeEndpoint(client, receiver, { ratePerSecond: 1 })).id);
  }
  await fixture.store(client, sizes(100));
  const { pool, secretBox, webhooks } = fixture;
  const sender = startSender({
    pool,
    secretBox,
    sender: webhooks,
    prefix: '',
    logger: pino({ level: 'silent' }),
    onAttempt: () => undefined,
    onStep: () => undefined,
    turnMs: 100,
  });
  try {
    const neverServed = async () => {
      const attempts = await Promise.all(ids.map((id) => fixture.attempts(id)));
      return attempts.filter(({ length }) => length === 0).length;
    };
    await expect.poll(neverServed, WAIT).toBe(0);
  } finally {
    await sender.close(5_000);
  }
  await fixture.pool.query(`UPDATE endpoints SET status = 'disabled' WHERE client = $1`, [client]);
});

test('an endpoint whose secret cannot be opened is not claimed again and again', async () => {
  const client = await fixture.makeClient();
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(client, receiver);
  await fixture.store(client, sizes(1));
  await fixture.pool.query(`UPDATE endpoints SET secret = 'damaged' WHERE id = $1`, [id]);
  const sender = fixture.startSender();
  await expect.poll(() => fixture.isIdle(id), WAIT).toBe(false);
  await expect.poll(() => sender.servedCount, WAIT).toBe(0);
  const claimed = await claimEndpoints(fixture.pool, {
    lease: randomUUID(),
    limit: 10,
    perClientMax: 10,
    setAside: false,
    setAsideAfter: 10,
    busyClients: [],
  });
  expect(claimed.map((one) => one.id)).not.toContain(id);
});

test('a delivery that is sent again on request while its last attempt is in progress is sent again', async () => {
  const client = await fixture.makeClient();
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(client, receiver);
  await fixture.store(client, sizes(1));
  await claim(id);
  await insertPending(client, id);
  await fixture.pool.query('UPDATE deliveries SET attempt_count = 9 WHERE endpoint_id = $1', [id]);
  const { rows } = await fixture.pool.query<{ deliveryId: string; createdAt: Date }>(
    'SELECT id AS "deliveryId", created_at AS "createdAt" FROM deliveries WHERE endpoint_id = $1',
    [id],
  );
  const { deliveryId, createdAt } = rows[0]!;
  await resendDelivery(fixture.pool, { id: deliveryId, endpointId: id });
  await insertAttempts(fixture.pool, id, [
    {
      ...{ deliveryId, createdAt, attemptedAt: new Date(), attemptCount: 9, outcome: 'failed' },
      ...{ statusCode: 500, durationMs: 1, error: null, response: null, dueAt: null },
    },
  ]);
  expect(await fixture.deliveries(id)).toMatchObject([{ status: 'pending', attempts: 1 }]);
});

import { describe, expect, test } from 'vitest';
import { wakeEndpoint } from '../../src/delivery/deliveries-query.ts';
import { rotateSecret } from '../../src/delivery/endpoints-query.ts';
import { insertDeliveries } from '../../src/delivery/sender-query.ts';
import { newSecret } from '../../src/delivery/signature.ts';
import { webhookIdOf } from '../../src/events/events.ts';
import { useDeliveryFixture } from './delivery-fixture.ts';
import type { ReceivedWebhook } from './receiver.ts';

const fixture = useDeliveryFixture();
const WAIT = { timeout: 20_000, interval: 50 };
const data = (received: readonly ReceivedWebhook[]): unknown[] =>
  received.map(({ body }) => (JSON.parse(body) as { data: unknown }).data);

describe('a message', () => {
  test('is delivered once to each endpoint of its client that wants it, signed', async () => {
    const client = await fixture.makeClient();
    const other = await fixture.makeClient();
    const all = await fixture.startReceiver();
    const sold = await fixture.startReceiver();
    const red = await fixture.startReceiver();
    const foreign = await fixture.startReceiver();
    const { id, secret } = await fixture.makeEndpoint(client, all);
    await fixture.makeEndpoint(client, sold, { types: ['thing.sold'] });
    await fixture.makeEndpoint(client, red, { filter: { color: 'red', size: 2 } });
    await fixture.makeEndpoint(other, foreign);
    const [first] = await fixture.store(client, [
      { color: 'red', size: 2 },
      { color: 'red', size: 3 },
    ]);
    await fixture.store(client, [{ color: 'blue', size: 2 }], 'thing.sold');
    fixture.startSender();
    fixture.startSender();
    const statuses = async () => (await fixture.deliveries(id)).map(({ status }) => status);
    await expect.poll(statuses, WAIT).toEqual(['delivered', 'delivered', 'delivered']);
    await expect.poll(() => [sold.received.length, red.received.length], WAIT).toEqual([1, 1]);
    expect(all.received).toHaveLength(3);
    expect(all.received.every(({ verifiedBy }) => verifiedBy.includes(secret))).toBe(true);
    expect(data(red.received)).toEqual([{ color: 'red', size: 2 }]);
    expect(data(sold.received)).toEqual([{ color: 'blue', size: 2 }]);
    expect(foreign.received).toEqual([]);
    const webhook = all.received.find(({ body }) => body.includes(`"message_id":"${first!}"`))!;
    expect(webhook.id).toBe(webhookIdOf({ producer: 'shop', id: first! }));
    expect(JSON.parse(webhook.body)).toMatchObject({
      id: webhook.id,
      type: 'thing.made',
      client,
      number: 1,
      producer: 'shop',
      message_id: first,
    });
  });

  test('is sent again with the same id when it failed, and every attempt is kept', async () => {
    const client = await fixture.makeClient();
    let failures = 2;
    const receiver = await fixture.startReceiver((response) => {
      failures -= 1;
      if (failures >= 0) response.writeHead(500).end('no \u0007 thanks');
      else response.writeHead(200).end('ok');
    });
    const { id, secret } = await fixture.makeEndpoint(client, receiver);
    await fixture.store(client, [{ size: 1 }]);
    fixture.startSender();
    for (const count of [1, 2]) {
      await expect.poll(() => receiver.received.length, WAIT).toBe(count);
      await expect.poll(async () => (await fixture.attempts(id)).length, WAIT).toBe(count);
      await fixture.hurry(id);
    }
    await expect
      .poll(() => fixture.deliveries(id), WAIT)
      .toEqual([{ number: '1', status: 'delivered', attempts: 3 }]);
    expect(new Set(receiver.received.map((webhook) => webhook.id)).size).toBe(1);
    expect(receiver.received.every(({ verifiedBy }) => verifiedBy.includes(secret))).toBe(true);
    const attempts = await fixture.attempts(id);
    expect(
      attempts.map(({ number, outcome, status_code: code }) => [number, outcome, code]),
    ).toEqual([
      [1, 'failed', 500],
      [2, 'failed', 500],
      [3, 'delivered', 200],
    ]);
    expect(attempts[0]!.response).not.toContain('\u0007');
  });

  test('is delivered although the sender that held its endpoint died', async () => {
    const client = await fixture.makeClient();
    const receiver = await fixture.startReceiver();
    const { id } = await fixture.makeEndpoint(client, receiver);
    await fixture.store(client, [{ size: 1 }]);
    await fixture.pool.query(
      `UPDATE endpoint_states SET held_by = gen_random_uuid(), held_until = clock_timestamp() - interval '1 second'
       WHERE endpoint_id = $1`,
      [id],
    );
    fixture.startSender();
    await expect.poll(() => receiver.received.length, WAIT).toBe(1);
  });
});

describe('an endpoint', () => {
  test('that hangs keeps no other from its deliveries', async () => {
    const client = await fixture.makeClient();
    const hanging = await fixture.startReceiver(() => undefined);
    const fast = await fixture.startReceiver();
    const { id: hangingId } = await fixture.makeEndpoint(client, hanging);
    const { id: fastId } = await fixture.makeEndpoint(client, fast);
    await fixture.store(
      client,
      Array.from({ length: 50 }, (_, size) => ({ size })),
    );
    fixture.startSender();
    await expect.poll(() => fast.received.length, WAIT).toBe(50);
    await expect
      .poll(
        async () => (await fixture.deliveries(fastId)).every((one) => one.status === 'delivered'),
        WAIT,
      )
      .toBe(true);
    // After ten failures in a row it is tried by one delivery at a time.
    await expect
      .poll(async () => (await fixture.readEndpoint(hangingId)).failuresInRow, WAIT)
      .toBeGreaterThanOrEqual(10);
    expect((await fixture.attempts(hangingId)).every(({ error }) => error === 'timeout')).toBe(
      true,
    );
  });

  test('in order gets each message after the one before it, also when that fails', async () => {
    const client = await fixture.makeClient();
    let failures = 1;
    const receiver = await fixture.startReceiver((response) => {
      failures -= 1;
      response.writeHead(failures >= 0 ? 503 : 204).end();
    });
    const { id } = await fixture.makeEndpoint(client, receiver, { isFifo: true });
    const sizes = Array.from({ length: 20 }, (_, size) => ({ size }));
    await fixture.store(client, sizes);
    fixture.startSender();
    await expect.poll(async () => (await fixture.attempts(id)).length, WAIT).toBe(1);
    await fixture.hurry(id);
    await expect.poll(() => receiver.received.length, WAIT).toBe(21);
    expect(data(receiver.received)).toEqual([{ size: 0 }, ...sizes]);
  });

  test('with a rate gets no more deliveries than that', async () => {
    const client = await fixture.makeClient();
    const atMs: number[] = [];
    const receiver = await fixture.startReceiver((response) => {
      atMs.push(performance.now());
      response.writeHead(204).end();
    });
    await fixture.makeEndpoint(client, receiver, { ratePerSecond: 20 });
    await fixture.store(
      client,
      Array.from({ length: 11 }, (_, size) => ({ size })),
    );
    fixture.startSender();
    await expect.poll(() => atMs.length, WAIT).toBe(11);
    // Ten intervals of 50 ms; each delivery itself may take longer than another.
    expect(atMs.at(-1)! - atMs[0]!).toBeGreaterThan(400);
  });

  test('that answers 410 is disabled, and an announcement says so, once', async () => {
    const client = await fixture.makeClient();
    const receiver = await fixture.startReceiver((response) => {
      response.writeHead(410).end();
    });
    const { id } = await fixture.makeEndpoint(client, receiver);
    await fixture.store(client, [{ size: 1 }, { size: 2 }, { size: 3 }]);
    fixture.startSender();
    await expect
      .poll(() => fixture.readEndpoint(id), WAIT)
      .toMatchObject({ status: 'disabled', disabledReason: 'gone' });
    const { rows } = await fixture.pool.query<{
      payload: { routingKey: string; bodyBase64: string };
    }>('SELECT payload FROM graphile_worker._private_jobs');
    const bodies = rows
      .filter(({ payload }) => payload.routingKey === 'announced.endpoint.disabled')
      .map(
        ({ payload }) => JSON.parse(Buffer.from(payload.bodyBase64, 'base64').toString()) as object,
      );
    expect(
      bodies.filter((body) => (body as { endpoint_id: string }).endpoint_id === id),
    ).toMatchObject([{ client, url: receiver.url, reason: 'gone' }]);
  });

  test('is not disabled by a 410 of an address that it has left', async () => {
    const client = await fixture.makeClient();
    const receiver = await fixture.startReceiver();
    let finish = (): void => undefined;
    const old = await fixture.startReceiver((response) => {
      finish = () => response.writeHead(410).end();
    });
    const { id } = await fixture.makeEndpoint(client, old);
    await fixture.store(client, [{ size: 1 }]);
    // The first attempt lasts until the sender has read the endpoint again.
    fixture.startSender(20_000);
    await expect.poll(() => old.received.length, WAIT).toBe(1);
    await fixture.pool.query('UPDATE endpoints SET url = $2 WHERE id = $1', [id, receiver.url]);
    const heldUntil = async () => {
      const sql = 'SELECT held_until::text AS at FROM endpoint_states WHERE endpoint_id = $1';
      return (await fixture.pool.query<{ at: string }>(sql, [id])).rows[0]?.at;
    };
    const before = await heldUntil();
    await expect.poll(heldUntil, WAIT).not.toBe(before);
    finish();
    await expect.poll(() => fixture.attempts(id), WAIT).toMatchObject([{ status_code: 410 }]);
    await fixture.hurry(id);
    await expect.poll(() => receiver.received.length, WAIT).toBe(1);
    expect(await fixture.readEndpoint(id)).toMatchObject({ status: 'enabled' });
  });

  test('that has failed for five days is disabled at its next failure', async () => {
    const client = await fixture.makeClient();
    const receiver = await fixture.startReceiver((response) => {
      response.writeHead(500).end();
    });
    const { id } = await fixture.makeEndpoint(client, receiver);
    await fixture.pool.query(
      `UPDATE endpoint_states SET failing_since = now() - interval '5 days', failures_in_row = 3 WHERE endpoint_id = $1`,
      [id],
    );
    await fixture.store(client, [{ size: 1 }]);
    fixture.startSender();
    await expect
      .poll(() => fixture.readEndpoint(id), WAIT)
      .toMatchObject({ status: 'disabled', disabledReason: 'failing' });
  });

  test('does not fail by a message whose month was dropped, of which nothing is sent', async () => {
    const client = await fixture.makeClient();
    const receiver = await fixture.startReceiver();
    const { id } = await fixture.makeEndpoint(client, receiver);
    await fixture.pool.query(
      `UPDATE endpoint_states SET failing_since = now() - interval '5 days', failures_in_row = 3 WHERE endpoint_id = $1`,
      [id],
    );
    const before = await fixture.readEndpoint(id);
    const storedAt = new Date(Date.now() - 400 * 86_400_000);
    const dropped = { ...{ producer: 'shop', id: 'dropped' }, client, number: '1' };
    await insertDeliveries(fixture.pool, id, [{ ...dropped, type: 'thing.made', storedAt }]);
    await wakeEndpoint(fixture.pool, id);
    fixture.startSender();
    await expect
      .poll(() => fixture.deliveries(id), WAIT)
      .toEqual([{ number: '1', status: 'failed', attempts: 1 }]);
    expect(await fixture.attempts(id)).toMatchObject([{ outcome: 'failed', number: 1 }]);
    expect(await fixture.readEndpoint(id)).toEqual(before);
    expect(receiver.received).toEqual([]);
  });

  test('gets signatures of both secrets while its secret rotates', async () => {
    const client = await fixture.makeClient();
    const receiver = await fixture.startReceiver();
    const { id, secret: before } = await fixture.makeEndpoint(client, receiver);
    const after = newSecret();
    receiver.secrets.push(after);
    fixture.startSender();
    const rotate = (previousUntil: Date) =>
      rotateSecret(fixture.pool, id, { secret: fixture.secretBox.seal(after, id), previousUntil });
    const next = async (count: number) => {
      await fixture.store(client, [{ count }]);
      await expect.poll(() => receiver.received.length, WAIT).toBe(count);
      // While an endpoint is served, its secrets are up to a second old.
      await expect.poll(() => fixture.isIdle(id), WAIT).toBe(true);
      return receiver.received.at(-1)!.verifiedBy;
    };
    expect(await next(1)).toEqual([before]);
    await rotate(new Date(Date.now() + 3_600_000));
    expect(await next(2)).toEqual([before, after]);
    await fixture.pool.query(
      'UPDATE endpoints SET previous_secret_until = clock_timestamp() WHERE id = $1',
      [id],
    );
    expect(await next(3)).toEqual([after]);
  });
});

import { describe, expect, test } from 'vitest';
import { deleteExpiredKeys } from '../../src/http/idempotency-sweep.ts';
import { eventually } from '../support/eventually.ts';
import { sentPulse } from '../support/pulses.ts';
import { openSendApp, send, takePulses, useSendFixture } from './send-fixture.ts';

const fixture = useSendFixture();

let keyCount = 0;
const newKey = () => `key-${++keyCount}`;

function sendKeyed(key: string, body: unknown, options: { as?: string } = {}) {
  return send(fixture, body, { headers: { 'idempotency-key': key }, ...options });
}

const seedOf = async (key: string) =>
  (await fixture.pool.query<object>('SELECT id_seed FROM idempotency_keys WHERE key = $1', [key]))
    .rows;

describe('a request with an Idempotency-Key', () => {
  test('gets the same answer when it is repeated, and is published once', async () => {
    const key = newKey();
    const body = [sentPulse(), sentPulse({ used_amount: 'x' })];
    const first = await sendKeyed(key, body);
    const second = await sendKeyed(key, body);
    expect(first.status).toBe(202);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(second.status).toBe(202);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.body).toEqual(first.body);
    expect(await takePulses(fixture)).toHaveLength(1);
  });

  test('is refused again when every pulse was', async () => {
    const key = newKey();
    const body = sentPulse({ tenant: '' });
    for (const replayed of [undefined, 'true']) {
      const { status, headers, body: problem } = await sendKeyed(key, body);
      expect([status, problem.code]).toEqual([422, 'PULSE_API_PULSES_REJECTED']);
      expect(headers['idempotent-replayed']).toBe(replayed);
      expect(problem.outcomes).toMatchObject([{ field: 'tenant' }]);
    }
  });

  test('is 422 with another body, format or event, and the first answer stays', async () => {
    const key = newKey();
    await sendKeyed(key, sentPulse());
    const others = [
      send(fixture, sentPulse({ used_amount: '2' }), { headers: { 'idempotency-key': key } }),
      send(fixture, sentPulse(), {
        headers: { 'idempotency-key': key, 'content-type': 'application/x-ndjson' },
      }),
      send(fixture, sentPulse(), { headers: { 'idempotency-key': key, 'ce-id': '7' } }),
    ];
    for (const { status, body } of await Promise.all(others)) {
      expect([status, body.code]).toEqual([422, 'PULSE_API_IDEMPOTENCY_KEY_REUSED']);
    }
    expect((await sendKeyed(key, sentPulse())).headers['idempotent-replayed']).toBe('true');
    expect(await takePulses(fixture)).toHaveLength(1);
  });

  test('is 409 with Retry-After while the first is in progress', async () => {
    const key = newKey();
    fixture.proxy.stall();
    const first = sendKeyed(key, sentPulse());
    await eventually(() => seedOf(key)).toHaveLength(1);
    const second = await sendKeyed(key, sentPulse());
    expect(second).toMatchObject({ status: 409, body: { code: 'PULSE_API_IDEMPOTENCY_KEY_BUSY' } });
    expect(second.headers['retry-after']).toBe('1');
    await first;
  });

  test('is independent of the same key of another caller', async () => {
    const key = newKey();
    const one = await sendKeyed(key, sentPulse());
    const other = await sendKeyed(key, sentPulse(), { as: 'scoped' });
    expect(other.headers['idempotent-replayed']).toBeUndefined();
    expect(other.body.outcomes[0]!.id).not.toBe(one.body.outcomes[0]!.id);
    expect(await takePulses(fixture)).toHaveLength(2);
  });

  test('is repeated with the same ids if it was not confirmed', async () => {
    const key = newKey();
    const body = [sentPulse(), sentPulse()];
    fixture.proxy.stall();
    const first = await sendKeyed(key, body);
    expect(first.status).toBe(503);
    fixture.proxy.cut();
    fixture.proxy.heal();
    await eventually(() => fixture.publisher.state).toBe('open');
    const second = await sendKeyed(key, body);
    expect(second.status).toBe(202);
    const ids = first.body.outcomes.map(({ id }) => id);
    expect(second.body.outcomes.map(({ id }) => id)).toEqual(ids);
    expect(new Set(ids).size).toBe(2);
  });

  test('continues with the same ids after a process that died between publishing and answering', async () => {
    const key = newKey();
    const first = await sendKeyed(key, sentPulse());
    // What such a process leaves behind: the claim, without outcomes.
    const claim = 'UPDATE idempotency_keys SET answer = NULL, claimed_until = $2 WHERE key = $1';
    await fixture.pool.query(claim, [key, new Date(Date.now() + 60_000)]);
    expect((await sendKeyed(key, sentPulse())).status).toBe(409);
    await fixture.pool.query(claim, [key, new Date(Date.now() - 1_000)]);
    const second = await sendKeyed(key, sentPulse());
    expect(second.status).toBe(202);
    expect(second.headers['idempotent-replayed']).toBeUndefined();
    const ids = (await takePulses(fixture)).map(({ id }) => id);
    expect(ids).toEqual([first.body.outcomes[0]!.id, first.body.outcomes[0]!.id]);
  });

  test('is new after a day: new ids, another body allowed', async () => {
    const key = newKey();
    const first = await sendKeyed(key, sentPulse());
    const age = `UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1`;
    await fixture.pool.query(age, [key]);
    const second = await sendKeyed(key, sentPulse({ used_amount: '2' }));
    expect(second.status).toBe(202);
    expect(second.body.outcomes[0]!.id).not.toBe(first.body.outcomes[0]!.id);
  });

  test('is deleted when it has expired', async () => {
    const [expired, valid] = [newKey(), newKey()];
    await sendKeyed(expired, sentPulse());
    const age = `UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1`;
    await fixture.pool.query(age, [expired]);
    await sendKeyed(valid, sentPulse());
    expect(await deleteExpiredKeys(fixture.pool)).toBe(1);
    expect(await seedOf(expired)).toEqual([]);
    expect(await seedOf(valid)).toHaveLength(1);
  });

  test.each(['', 'a b', 'x'.repeat(129), 'schl\u00fcssel'])(
    'is 400 for the key "%s"',
    async (key) => {
      const { status, body } = await sendKeyed(key, sentPulse());
      expect(status).toBe(400);
      expect(body).toMatchObject({ errors: [{ field: 'Idempotency-Key' }] });
    },
  );
});

test('many at once with one key: one publishes, the others get 409', async () => {
  const key = newKey();
  const body = [sentPulse(), sentPulse()];
  const answers = await Promise.all(Array.from({ length: 12 }, () => sendKeyed(key, body)));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.every((status) => status === 202 || status === 409)).toBe(true);
  expect(statuses).toContain(202);
  expect(await takePulses(fixture)).toHaveLength(2);
});

test('a key is known to all processes', async () => {
  const key = newKey();
  await sendKeyed(key, sentPulse());
  const app = await openSendApp(fixture, fixture.services.queue);
  const headers = { 'idempotency-key': key };
  const again = await send({ app }, sentPulse(), { headers });
  expect(again.headers['idempotent-replayed']).toBe('true');
  await app.close();
  expect(await takePulses(fixture)).toHaveLength(1);
});

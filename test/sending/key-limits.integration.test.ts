/** Limits on the space for idempotency keys. */
import { afterEach, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import type { KeyLimits } from '../../src/http/idempotency-keys.ts';
import { sentPulse } from '../support/pulses.ts';
import { openSendApp, send, takePulses, useSendFixture } from './send-fixture.ts';

const fixture = useSendFixture();
let limited: Api | undefined;
afterEach(async () => {
  await limited?.close();
  limited = undefined;
  await fixture.pool.query('DELETE FROM idempotency_keys');
});

async function openLimited(keyLimits: KeyLimits) {
  const app = await openSendApp(fixture, fixture.services.queue, { keyLimits });
  limited = app;
  return (key: string, body: unknown, options: { as?: string } = {}) =>
    send({ app }, body, { headers: { 'idempotency-key': key }, ...options });
}

const storedBytes = async () => {
  const sql = 'SELECT coalesce(sum(octet_length(answer)), 0)::int AS bytes FROM idempotency_keys';
  return (await fixture.pool.query<{ bytes: number }>(sql)).rows[0]!.bytes;
};

test('a caller with too many keys gets no new ones, and may repeat requests with the others', async () => {
  const sendKeyed = await openLimited({ keysMax: 2, bytesMax: 1_000_000 });
  const first = await sendKeyed('one', sentPulse());
  expect((await sendKeyed('two', sentPulse())).status).toBe(202);
  const refused = await sendKeyed('three', sentPulse());
  expect(refused).toMatchObject({ status: 429, body: { code: 'PULSE_API_TOO_MANY_REQUESTS' } });
  expect(refused.headers['retry-after']).toBe('3600');
  expect((await sendKeyed('one', sentPulse())).body).toEqual(first.body);
  expect((await sendKeyed('three', sentPulse(), { as: 'scoped' })).status).toBe(202);
  expect(await takePulses(fixture)).toHaveLength(3);
});

test('an answer without room is not stored, and its request is repeated with the same ids', async () => {
  const sendKeyed = await openLimited({ keysMax: 10, bytesMax: 10 });
  const first = await sendKeyed('one', [sentPulse(), sentPulse()]);
  const second = await sendKeyed('one', [sentPulse(), sentPulse()]);
  expect([first.status, second.status]).toEqual([202, 202]);
  expect(second.headers['idempotent-replayed']).toBeUndefined();
  expect(second.body).toEqual(first.body);
  const ids = (await takePulses(fixture)).map(({ id }) => id);
  expect(ids).toHaveLength(4);
  expect(new Set(ids).size).toBe(2);
  expect(await storedBytes()).toBe(0);
});

test('an answer takes less than its request, and is repeated in full', async () => {
  const sendKeyed = await openLimited({ keysMax: 10, bytesMax: 1_000_000 });
  const bodies = [
    Array.from({ length: 1_000 }, () => sentPulse()),
    Array.from({ length: 600 }, () => ({})),
    Array.from({ length: 600 }, (_, index) => (index % 2 === 0 ? sentPulse() : { tenant: 'a' })),
    Array.from({ length: 200 }, (_, index) => sentPulse({ id: `own ${index}` })),
  ];
  for (const [index, body] of bodies.entries()) {
    const before = await storedBytes();
    const first = await sendKeyed(`size-${index}`, body);
    const second = await sendKeyed(`size-${index}`, body);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.body.outcomes).toEqual(first.body.outcomes);
    expect((await storedBytes()) - before).toBeLessThan(JSON.stringify(body).length / 4);
  }
});

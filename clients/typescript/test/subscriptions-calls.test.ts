import { expect, test } from 'vitest';
import { createPulseClient } from '../src/pulse-client.ts';
import { inTurn, reply, serve } from './fake-api.ts';

const ID = '0198c6f8-0000-7000-8000-000000000001';
const ROW = { id: ID, user_id: '7', status: 'active' };
const SOON = { retryDelayMs: 1 };

test('a purchase whose result is not known yet is asked for again under the same key', async () => {
  const late = reply(202, { id: ID });
  const busy = reply(503, { code: 'PULSE_API_UNAVAILABLE', detail: 'because', status: 503 });
  const { url, seen } = await serve(inTurn(late, busy, reply(201, ROW)));
  const { subscriptions } = createPulseClient({ url });
  expect(await subscriptions.purchase({ user_id: 7 }, SOON)).toEqual(ROW);
  expect(new Set(seen.map(({ key, body }) => `${key} ${body}`)).size).toBe(1);
  expect(seen).toHaveLength(3);
});

test('a purchase whose result stays unknown ends with an error that says so', async () => {
  const { url } = await serve(reply(202, { id: ID }));
  const { subscriptions } = createPulseClient({ url });
  const call = subscriptions.purchase({ user_id: 7 }, { retryForMs: 0 });
  await expect(call).rejects.toMatchObject({ name: 'PulseConnectionError', cause: { id: ID } });
});

test('a refused cancellation is not repeated', async () => {
  const problem = { code: 'PULSE_API_SUBSCRIPTION_STATUS', detail: 'canceled', status: 409 };
  const { url, seen } = await serve(reply(409, problem));
  const { subscriptions } = createPulseClient({ url });
  await expect(subscriptions.cancel(ID)).rejects.toMatchObject({ status: 409 });
  expect(seen.map(({ method, url: path }) => `${method} ${path}`)).toEqual([
    `PUT /api/v1/subscriptions/${ID}/status`,
  ]);
});

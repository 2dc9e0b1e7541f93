import { expect, test, vi } from 'vitest';
import type { SendBody } from '../sending/send-fixture.ts';
import { loginToApi } from '../support/api-client.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { sentPulse } from '../support/pulses.ts';
import { openFlow, PASSWORD } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

test('a tenant that begins too many sums is refused new ones; its others and other tenants count', async () => {
  const flow = await openFlow({ NEW_SUMS_PER_HOUR: '2' });
  const { ready } = await flow.start('start');
  const admin = await loginToApi({
    api: ready.api!,
    username: ready.username!,
    password: PASSWORD,
  });
  const sender = { username: 'sender', password: PASSWORD };
  const rights = { role: 'operator', tenants: ['acme', 'beta'] };
  expect((await admin.post('/users', { ...sender, ...rights })).status).toBe(201);
  const api = await loginToApi({ api: ready.api!, ...sender });

  // One request, so that all of it is in the same hour.
  const body = [
    sentPulse({ product_sku: 'cpu' }),
    sentPulse({ product_sku: 'disk' }),
    sentPulse({ product_sku: 'third' }),
    sentPulse({ product_sku: 'cpu' }),
    sentPulse({ product_sku: 'cpu', use_unity: 'another' }),
    sentPulse({ product_sku: 'third', tenant: 'beta' }),
  ];
  const send = () =>
    api.request<SendBody>('/pulses', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'one' },
      body: JSON.stringify(body),
    });
  const first = await send();
  expect([first.status, first.body.accepted, first.body.rejected]).toEqual([202, 4, 2]);
  const refused = {
    status: 'rejected',
    field: 'body',
    code: 'too_many_sums',
    reason: expect.stringMatching(
      /^The tenant has reached the limit of 2 new sums .* again from \S+:00:00\.000Z\.$/,
    ) as string,
  };
  expect([first.body.outcomes[2], first.body.outcomes[4]]).toEqual([
    { index: 2, ...refused },
    { index: 4, ...refused },
  ]);
  // The answer is kept: a repetition begins nothing.
  expect((await send()).body).toEqual(first.body);
  expect((await api.post('/pulses', sentPulse({ product_sku: 'disk' }))).status).toBe(202);

  await flow.settled({ counted: 5 });
  await flow.flush();
  const counted = new Map<string, number>();
  for (const { tenant, product_sku, pulse_count } of await admin.rows()) {
    const key = `${tenant} ${product_sku}`;
    // At the turn of an hour, the last pulse has a row of its own.
    counted.set(key, (counted.get(key) ?? 0) + pulse_count);
  }
  expect(Object.fromEntries(counted)).toEqual({ 'acme cpu': 2, 'acme disk': 2, 'beta third': 1 });
  expect(await flow.verify()).toMatchObject({ counted: 5, deadLetters: 0, drift: 0 });
});

/** Secrets of endpoints that rotate, over HTTP. */
import { afterEach, expect, test } from 'vitest';
import { newSecret } from '../../src/delivery/signature.ts';
import { createTestEndpoint, useDeliveryApi } from './delivery-api.ts';

const api = useDeliveryApi();
afterEach(() => api.stop());

const POLL = { timeout: 10_000 };

test('while a secret rotates both sign, and afterwards only the new one', async () => {
  const receiver = await api.startReceiver();
  const { id, path, client, secret } = await createTestEndpoint(api, receiver);
  const rotated = await api.ask('POST', `${path}/rotate-secret`, {});
  expect(rotated).toMatchObject({ status: 200, body: { id, version: 2 } });
  const next = String(rotated.body.secret);
  expect(next).not.toBe(secret);
  receiver.secrets.push(next);
  api.startSender();
  await api.store(client, [{}]);
  await expect.poll(() => receiver.received.length, POLL).toBe(1);
  expect(receiver.received[0]!.verifiedBy).toEqual([secret, next]);
  const last = String(
    (await api.ask('POST', `${path}/rotate-secret`, { overlap_hours: 0 })).body.secret,
  );
  receiver.secrets.push(last);
  await api.ask('POST', `${path}/test`);
  expect(receiver.received[1]!.verifiedBy).toEqual([last]);
  expect(JSON.stringify(await api.ask('GET', path))).not.toContain('whsec_');
  expect(JSON.stringify(api.lines)).not.toContain(last);
});

test('a rotation that is sent again changes nothing', async () => {
  const receiver = await api.startReceiver();
  const { path, secret } = await createTestEndpoint(api, receiver);
  const next = newSecret();
  receiver.secrets.push(next);
  const rotate = (overlapHours: number) =>
    api.ask('POST', `${path}/rotate-secret`, { secret: next, overlap_hours: overlapHours });
  const first = await rotate(24);
  expect((await rotate(24)).body).toEqual(first.body);
  expect((await rotate(0)).body).toEqual(first.body);
  await api.ask('POST', `${path}/test`);
  expect(receiver.received[0]!.verifiedBy).toEqual([secret, next]);
});

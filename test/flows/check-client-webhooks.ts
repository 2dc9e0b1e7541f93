/** Calls of the TypeScript client about endpoints and deliveries, on real servers. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished } from 'vitest';
import {
  verifyWebhook,
  type PulseClient,
  type WebhookEvent,
} from '../../clients/typescript/src/pulse-client.ts';
import { eventually } from '../support/eventually.ts';
import { collect } from './client-calls.ts';

const HOUR_MS = 3_600_000;
const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;
const TEXT = expect.any(String) as string;
const SECRET = `whsec_${randomBytes(24).toString('base64')}`;

/** A receiver that answers 200 to what it can verify. */
async function startReceiver(secrets: string[]) {
  const received: WebhookEvent[] = [];
  const server = createServer((request, response) => {
    void text(request)
      .then((body) => verifyWebhook(secrets, request.headers, body))
      .then(
        (event) => {
          received.push(event);
          response.writeHead(200).end();
        },
        (error: unknown) => response.writeHead(400).end(String(error)),
      );
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** For the customer `c/2`, who has the messages of `checkEvents`. */
export async function checkWebhooks({ endpoints, deliveries, events }: PulseClient): Promise<void> {
  const secrets = [SECRET];
  const { received, url } = await startReceiver(secrets);
  const given = {
    ...{ client: 'c/2', url, types: ['invoice.paid'], filter: { total: 1 } },
    ...{ description: 'Ours.', fifo: true, rate_per_second: 100 },
  };
  const created = await endpoints.put('e/1', { ...given, status: 'enabled', secret: SECRET });
  expect(created).toEqual({
    ...{ id: 'e/1', ...given, status: 'enabled', disabled_reason: null, secret: SECRET },
    ...{ failing_since: null, failures_in_row: 0, last_attempt_at: null, last_success_at: null },
    ...{ version: 1, created_at: INSTANT, updated_at: INSTANT },
  });
  const { id: other } = await endpoints.put('e/2', { client: 'c/2', url });
  const first = await endpoints.page({ client: 'c/2', status: 'enabled', limit: 1 });
  expect(first).toMatchObject({ data: [{ id: 'e/1' }], next: 'e/1' });
  expect((await endpoints.page({ after: 'e/1' })).data).toMatchObject([{ id: other }]);
  expect(await collect(endpoints.all({ limit: 1 }))).toHaveLength(2);

  expect(await endpoints.test('e/1')).toEqual({
    ...{ webhook_id: received[0]!.id, attempted_at: INSTANT, outcome: 'delivered' },
    ...{ status_code: 200, duration_ms: expect.any(Number) as number, error: null, response: '' },
  });
  expect(received[0]).toMatchObject({ type: 'endpoint.test', data: { endpoint_id: 'e/1' } });
  const rotated = await endpoints.rotateSecret('e/1', { overlap_hours: 1 });
  secrets.push(rotated.secret);
  expect((await endpoints.get('e/1')).version).toBe(2);

  const paid = { producer: 'billing', type: 'invoice.paid', client: 'c/2' };
  await events.send([{ ...paid, id: 'hooked', data: { total: 1, tax: 0 } }]);
  await eventually(() => Promise.resolve(received.map((one) => one.message_id))).toContain(
    'hooked',
  );
  const since = new Date(Date.now() - HOUR_MS);
  await endpoints.put('e/1', { ...given, fifo: false });
  const recovery = await endpoints.recover('e/1', { since, dry_run: true });
  expect(recovery).toEqual({ failed_count: 0, missed_count: 2, next: null });
  expect(await endpoints.recover('e/1', { since })).toEqual(recovery);

  const query = { client: 'c/2', endpoint: 'e/1', from: since, to: new Date(Date.now() + HOUR_MS) };
  await eventually(
    async () => (await deliveries.page({ ...query, status: 'delivered' })).data,
  ).toHaveLength(3);
  const page = await deliveries.page({ ...query, limit: 1 });
  expect(page).toMatchObject({ data: [{ endpoint: 'e/1', type: 'invoice.paid' }], next: TEXT });
  expect((await deliveries.page({ ...query, after: page.next! })).data).toHaveLength(2);
  const [delivery] = await collect(deliveries.all(query));
  const { id } = delivery!;
  expect(await deliveries.get(id)).toEqual(delivery);
  expect((await deliveries.attempts(id, { limit: 1 })).data).toMatchObject([
    { number: 1, outcome: 'delivered', status_code: 200, error: null },
  ]);
  expect((await deliveries.attempts(id, { after: 1 })).data).toEqual([]);
  expect(await deliveries.resend(id)).toMatchObject({ id, status: 'pending' });
  expect(await deliveries.resend(id, { endpoint: 'e/2' })).toMatchObject({ endpoint: 'e/2' });
  await endpoints.delete('e/2');
  await expect(endpoints.get('e/2')).rejects.toMatchObject({ status: 404 });
}

/** A small company's data: something on every page, of two tenants. */
import { expect, onTestFinished } from 'vitest';
import { newSecretKeys } from '../../src/delivery/secret-box.ts';
import { startReceiver } from '../delivery/receiver.ts';
import type { ApiClient } from '../support/api-client.ts';
import type { ConsoleTest } from './console-fixture.ts';

const HOURS = 48;
const HOUR_MS = 3_600_000;
const SERVICES = [
  { product_sku: 'object-storage', use_unity: 'GB·h', base: 240 },
  { product_sku: 'compute', use_unity: 'vCPU·h', base: 16 },
  { product_sku: 'egress', use_unity: 'GB', base: 35 },
];
/** What the system needs for it. */
export function sampleEnv(): Record<string, string> {
  return {
    WEBHOOK_ALLOW_PRIVATE: 'true',
    WEBHOOK_SECRET_KEYS: newSecretKeys(),
    ADMISSION: 'observe',
    FLUSH_CRON: '0 * * * *',
  };
}

/** Sends it through the API and the queue, and waits until Pulse has worked through it. */
export async function addSampleData({ flow, api }: ConsoleTest): Promise<void> {
  const old = ['acme', 'globex'].flatMap((tenant) => pulsesOf(tenant));
  expect((await api.post('/pulses', old)).status).toBe(202);
  await flow.settled({ counted: old.length });
  await flow.flush();
  const late = { tenant: 'acme', ...SERVICES[1], used_amount: '4.25', base: undefined };
  expect((await api.post('/pulses', [late])).status).toBe(202);
  await flow.producer.publish([
    { body: JSON.stringify({ ...late, used_amount: '-3' }), options: { messageId: 'reading-17' } },
    { body: JSON.stringify({ ...late, tenant: 'globex', used_amount: 'many' }) },
    { body: '{"tenant": "acme", "product_sku": "comp' },
  ]);
  await flow.settled({ counted: old.length + 1, deadLetters: 3 });
  await addCatalogue(api);
  await addEvents(api);
  await addOrders(api);
  await post(api, '/workflow', { data: [{ sku: 'compute', hours: 12.5 }], steps: ['invoice'] });
  await post(api, '/exports', { report: 'usage', parameters: { group_by: ['tenant'] } });
}

/** A curve over the day, the same on each run. */
function pulsesOf(tenant: string) {
  const factor = tenant === 'acme' ? 1 : 0.4;
  const now = Date.now();
  return SERVICES.flatMap(({ base, ...service }) =>
    Array.from({ length: HOURS }, (_, hour) => ({
      tenant,
      ...service,
      used_amount: (factor * base * (2 + Math.sin((hour * Math.PI) / 12))).toFixed(3),
      timestamp: new Date(now - hour * HOUR_MS).toISOString(),
    })),
  );
}

async function addCatalogue(api: ApiClient): Promise<void> {
  await put(api, '/customers/acme', { name: 'Acme Inc.', tenant: 'acme' });
  await put(api, '/customers/globex', { name: 'Globex Corporation', tenant: 'globex' });
  for (const { product_sku: sku, base } of SERVICES) {
    await put(api, `/products/${sku}`, {
      name: `${sku}, by the month`,
      unit: 'count',
      recurring: true,
    });
    await post(api, `/products/${sku}/prices`, {
      currency: 'USD',
      unit_amount: `${base}.50`,
      valid_from: '2026-01-01T00:00:00Z',
    });
  }
}

async function addOrders(api: ApiClient): Promise<void> {
  const order = (customer_id: string, sku: string) =>
    post<{ order_id: string }>(api, '/orders', {
      customer_id,
      currency: 'USD',
      items: [{ sku, qty: 2 }],
    });
  const settled = [
    [await order('acme', 'compute'), 'completed'],
    [await order('globex', 'object-storage'), 'completed'],
    [await order('acme', 'support'), 'failed'],
  ] as const;
  for (const [{ order_id: id }, status] of settled) {
    await expect
      .poll(async () => (await api.request<{ status: string }>(`/orders/${id}`)).body.status, {
        timeout: 60_000,
      })
      .toBe(status);
  }
}

async function addEvents(api: ApiClient): Promise<void> {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  await put(api, '/producers/billing', { name: 'Billing' });
  await put(api, '/event-types/invoice.paid', {
    description: 'A customer has paid.',
    schema: { type: 'object', required: ['total'] },
  });
  await put(api, '/endpoints/acme-hooks', { client: 'acme', url: receiver.url });
  await post(api, '/events', {
    id: 'invoice-7',
    producer: 'billing',
    type: 'invoice.paid',
    client: 'acme',
    data: { total: '120.50' },
  });
}

async function post<Body>(api: ApiClient, path: string, body: object): Promise<Body> {
  const answer = await api.post<Body>(path, body);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body;
}

async function put(api: ApiClient, path: string, body: object): Promise<void> {
  const answer = await api.request(path, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
}

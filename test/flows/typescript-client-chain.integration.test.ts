import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createPulseClient, type PulseClient } from '../../clients/typescript/src/pulse-client.ts';
import { newSecretKeys } from '../../src/delivery/secret-box.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { checkAccess } from './check-client-access.ts';
import { checkEvents } from './check-client-events.ts';
import { checkExports } from './check-client-exports.ts';
import { checkWebhooks } from './check-client-webhooks.ts';
import { checkWorkflows } from './check-client-workflows.ts';
import { collect, watchCalls } from './client-calls.ts';
import { openFlow, PASSWORD } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const CREDENTIALS = { username: 'admin', password: PASSWORD };
const HOUR_MS = 3_600_000;
const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;
const UUID = expect.stringMatching(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/) as string;
const TEXT = expect.any(String) as string;
const TIERS = {
  mode: 'graduated',
  steps: [
    { up_to: 2, unit_amount: '5' },
    { up_to: null, unit_amount: '4' },
  ],
} as const;

test('a real server accepts every call about the catalogue, orders, subscriptions, events, webhooks, workflows, exports and access with every parameter, and the answers match the types', async () => {
  const flow = await openFlow({
    ...{ ORDER_CURRENCY: 'USD', WEBHOOK_ALLOW_PRIVATE: 'true' },
    WEBHOOK_SECRET_KEYS: newSecretKeys(),
  });
  const { ready } = await flow.start('start');
  const { client, uncalled } = watchCalls(createPulseClient({ url: ready.api! }));
  await client.login(CREDENTIALS);
  await checkCustomers(client);
  await checkProducts(client);
  await checkPricesAndUnits(client);
  await checkOrders(client);
  await checkSubscriptions(client);
  await checkEvents(client);
  await checkWebhooks(client);
  await checkWorkflows(client);
  await checkExports(client, ready.api!);
  await checkAccess(client, { url: ready.api!, password: PASSWORD });
  expect(uncalled().chain).toEqual([]);
});

test('when the answer to an order is lost, the client repeats it and there is one order', async () => {
  const flow = await openFlow();
  const { ready } = await flow.start('api');
  const direct = createPulseClient({ url: ready.api! });
  const { token } = await direct.login(CREDENTIALS);
  const proxy = await startTcpProxy(ready.api!);
  onTestFinished(() => proxy.close());
  const requests: (string | null)[] = [];
  const counting: typeof fetch = (input, init) => {
    requests.push(new Headers(init?.headers).get('idempotency-key'));
    return fetch(input, init);
  };
  const client = createPulseClient({ url: proxy.url, token, fetch: counting });

  proxy.swallow('reply');
  const creating = client.orders.create({ customer_id: 'c', items: [{ sku: 's', qty: 1 }] });
  await eventually(async () => (await direct.orders.page()).data.length).toBe(1);
  proxy.reset();
  proxy.heal();
  const { order_id } = await creating;

  expect(requests.length).toBeGreaterThanOrEqual(2);
  expect(new Set(requests).size).toBe(1);
  expect((await direct.orders.page()).data).toMatchObject([{ id: order_id }]);
});

async function checkCustomers({ customers }: PulseClient): Promise<void> {
  const acme = { name: 'Acme', email: 'billing@acme.example', tenant: 'acme' };
  const saved = await customers.put('c/1', acme);
  expect(saved).toEqual({ id: 'c/1', ...acme });
  const plain = await customers.put('c/2', { name: 'Plain' });
  expect(plain).toEqual({ id: 'c/2', name: 'Plain', email: null, tenant: null });
  expect(await customers.get('c/1')).toEqual(saved);
  expect(await customers.page({ limit: 1 })).toEqual({ data: [saved], next: TEXT });
  expect(await collect(customers.all({ limit: 1 }))).toEqual([saved, plain]);
  const ofTenant = await customers.page({ tenant: 'acme', limit: 5, after: 'c/0' });
  expect(ofTenant).toEqual({ data: [saved], next: null });
  await expect(customers.put('c/3', acme)).rejects.toMatchObject({
    ...{ status: 409, code: 'PULSE_API_TENANT_TAKEN' },
  });
}

async function checkProducts({ products }: PulseClient): Promise<void> {
  const given = { name: 'Storage', unit: 'GB·h', active: false, recurring: true };
  const storage = await products.put('storage', given);
  expect(storage).toEqual({ sku: 'storage', ...given });
  const thing = await products.put('thing', { name: 'Thing', unit: 'count' });
  expect(thing).toEqual({
    ...{ sku: 'thing', name: 'Thing', unit: 'count', active: true, recurring: false },
  });
  expect(await products.get('thing')).toEqual(thing);
  const first = await products.page({ limit: 1 });
  expect(first).toEqual({ data: [storage], next: TEXT });
  expect(await products.page({ limit: 1, after: first.next! })).toEqual({
    data: [thing],
    next: null,
  });
  expect(await collect(products.all({ limit: 1 }))).toEqual([storage, thing]);
  await expect(products.put('x', { name: 'X', unit: 'nothing' })).rejects.toMatchObject({
    ...{ status: 400, code: 'PULSE_API_INVALID_REQUEST' },
  });
}

async function checkPricesAndUnits({ prices, units }: PulseClient): Promise<void> {
  const from = new Date(Date.now() - HOUR_MS);
  const price = { currency: 'EUR', unit_amount: '2.5', valid_from: from };
  const plain = await prices.add('thing', price);
  expect(plain).toEqual({ sku: 'thing', ...price, valid_from: from.toISOString(), tiers: null });
  const usd = { ...price, currency: 'USD', valid_from: '2026-01-01T00:00:00Z', tiers: TIERS };
  const tiered = await prices.add('thing', usd);
  expect(tiered).toEqual({ sku: 'thing', ...usd, valid_from: INSTANT });
  expect(await prices.list('thing')).toEqual([plain, tiered]);
  const first = await prices.page('thing', { limit: 1 });
  expect(first).toEqual({ data: [plain], next: TEXT });
  expect(await prices.page('thing', { after: first.next! })).toEqual({
    data: [tiered],
    next: null,
  });
  await expect(prices.add('thing', price)).rejects.toMatchObject({
    code: 'PULSE_API_PRICE_EXISTS',
  });
  const dozen = { dimension: 'count', factor: '12' };
  expect(await units.put('dozen', dozen)).toEqual({ unit: 'dozen', ...dozen });
  const all = await units.list();
  expect(all).toContainEqual({ unit: 'dozen', ...dozen });
  const { data, next } = await units.page({ limit: 5 });
  expect([...data, ...(await units.page({ after: next! })).data]).toEqual(all);
  await expect(units.put('dozen', { ...dozen, factor: '13' })).rejects.toMatchObject({
    code: 'PULSE_API_UNIT_EXISTS',
  });
}

async function checkOrders({ orders }: PulseClient): Promise<void> {
  const wanted = { customer_id: 'c/1', items: [{ sku: 'thing', qty: 3 }] };
  const key = { idempotencyKey: 'purchase-1' };
  const accepted = await orders.create({ ...wanted, currency: 'USD' }, key);
  expect(accepted).toEqual({ order_id: UUID, status: 'pending' });
  expect(await orders.create({ ...wanted, currency: 'USD' }, key)).toEqual(accepted);
  await expect(orders.create(wanted, key)).rejects.toMatchObject({
    ...{ status: 422, code: 'PULSE_API_IDEMPOTENCY_KEY_REUSED' },
  });
  const { order_id: id } = accepted;
  const order = await orders.waitFor(id);
  const head = {
    ...{ id, customer_id: 'c/1', status: 'completed', currency: 'USD', total_amount: '14' },
    ...{ failure: null, created_at: INSTANT, updated_at: INSTANT },
  };
  expect(order).toEqual({
    ...head,
    items: [{ sku: 'thing', qty: 3, unit_amount: '4', amount: '14' }],
    enrichment: { customer: expect.objectContaining({ name: 'Acme' }) as object, data: null },
    history: expect.arrayContaining([
      { version: 1, status: 'pending', reason: 'created', detail: null, at: INSTANT },
    ]) as object,
  });
  expect(await orders.get(id)).toEqual(order);

  const lost = await orders.create({ customer_id: 'c/1', items: [{ sku: 'none', qty: 1 }] });
  const failed = await orders.waitFor(lost.order_id, { timeoutMs: 60_000, pollIntervalMs: 50 });
  expect(failed).toMatchObject({
    ...{ status: 'failed', total_amount: null, enrichment: null },
    ...{ items: [{ sku: 'none', qty: 1 }], failure: { code: 'unknown_sku', detail: TEXT } },
  });
  const period = { from: new Date(Date.now() - HOUR_MS), to: new Date(Date.now() + HOUR_MS) };
  const filters = { ...period, customer_id: 'c/1' };
  expect(await orders.page({ ...filters, status: 'completed' })).toEqual({
    data: [head],
    next: null,
  });
  const first = await orders.page({ ...filters, limit: 1 });
  expect(first.data).toMatchObject([{ id: lost.order_id }]);
  const second = await orders.page({ ...filters, limit: 1, after: first.next! });
  expect(await collect(orders.all({ ...filters, limit: 1 }))).toEqual([
    ...first.data,
    ...second.data,
  ]);
  expect(await orders.page({ ...filters, status: 'pending' })).toEqual({ data: [], next: null });
}

async function checkSubscriptions({ subscriptions }: PulseClient): Promise<void> {
  const wanted = { user_id: 'c/1', sku: 'thing', order_id: randomUUID() };
  const key = { idempotencyKey: 'subscription-1' };
  const bought = await subscriptions.purchase(wanted, key);
  const facts = { id: UUID, ...wanted, tenant: 'acme', version: expect.any(Number) as number };
  const times = { created_at: INSTANT, updated_at: INSTANT };
  expect(bought).toEqual({ ...facts, ...times, status: 'active', pending: [] });
  expect(await subscriptions.purchase(wanted, key)).toEqual(bought);
  await expect(subscriptions.purchase({ user_id: 7 }, key)).rejects.toMatchObject({
    ...{ status: 422, code: 'PULSE_API_IDEMPOTENCY_KEY_REUSED' },
  });
  const { id } = bought;
  const at = new Date(Date.now() + HOUR_MS);
  const pending = { number: 2, kind: 'canceled', effective_at: at.toISOString() };
  expect(await subscriptions.cancel(id, { effectiveAt: at })).toMatchObject({
    ...{ status: 'active', pending: [pending] },
  });
  await expect(subscriptions.cancel(id)).rejects.toMatchObject({
    ...{ status: 409, code: 'PULSE_API_CHANGE_PENDING' },
  });
  expect(await subscriptions.withdraw(id, 2)).toMatchObject({ status: 'active', pending: [] });
  expect(await subscriptions.cancel(id)).toMatchObject({ status: 'canceled' });
  const restarted = await subscriptions.restart(id);
  expect(restarted).toMatchObject({ id, status: 'active' });
  expect(await subscriptions.get(id)).toEqual(restarted);
  const changes = await subscriptions.changes(id, { limit: 3 });
  const made = { cause: 'api', changed_by: 'admin', changed_at: INSTANT, effective_at: INSTANT };
  const stays = { state: 'in_effect', withdrawn_by: null, withdrawn_at: null };
  expect(changes).toEqual({
    data: [
      { number: 4, kind: 'restarted', ...made, ...stays },
      { number: 3, kind: 'canceled', ...made, ...stays },
      {
        ...{ ...pending, changed_at: INSTANT, cause: 'api', changed_by: 'admin' },
        ...{ state: 'withdrawn', withdrawn_by: 'admin', withdrawn_at: INSTANT },
      },
    ],
    next: 2,
  });
  expect((await subscriptions.changes(id, { after: 2 })).data).toMatchObject([{ number: 1 }]);

  const other = await subscriptions.purchase({ user_id: 'c/1', effective_at: at });
  expect(other).toMatchObject({ status: 'pending', sku: null, order_id: null });
  const filters = { user_id: 'c/1', tenant: 'acme' };
  const first = await subscriptions.page({ ...filters, limit: 1 });
  expect(first.data).toEqual([other]);
  expect(await subscriptions.page({ ...filters, after: first.next! })).toEqual({
    ...{ data: [restarted], next: null },
  });
  expect(await collect(subscriptions.all({ ...filters, limit: 1 }))).toEqual([other, restarted]);
  const nothing = await subscriptions.unsubscribedUsage({ limit: 5 });
  expect(nothing).toEqual({ data: [], next: null });
  const found = await subscriptions.page({ status: 'active', sku: 'thing' });
  expect(found.data).toEqual([restarted]);
}

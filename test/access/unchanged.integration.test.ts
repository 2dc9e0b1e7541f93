/** Whether a request gets a row of the audit log, against a real Postgres. */
import { expect, test } from 'vitest';
import { useDeliveryApi } from '../delivery/delivery-api.ts';

const api = useDeliveryApi();

const auditCount = async (path: string, method = 'PUT'): Promise<number> => {
  const { rows } = await api.pool.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM audit_log WHERE subject = $1`,
    [`${method} /api/v1${path}`],
  );
  return rows[0]?.count ?? -1;
};

const OBJECT_SCHEMA = { type: 'object', properties: { size: { type: 'integer' } } };
const WIDER_SCHEMA = { type: 'object', properties: { size: { type: 'number' } } };

/** Two bodies that differ in each member that the PUT can change. */
const RESOURCES: readonly { path: string; body: object; others: readonly object[] }[] = [
  {
    path: '/customers/unchanged',
    body: { name: 'One', email: 'one@example.com', tenant: 'unchanged' },
    others: [
      { name: 'Two', email: 'one@example.com', tenant: 'unchanged' },
      { name: 'Two', tenant: 'unchanged' },
      { name: 'Two' },
    ],
  },
  {
    path: '/products/unchanged',
    body: { name: 'One', unit: 'count', active: true },
    others: [
      { name: 'Two', unit: 'count', active: true },
      { name: 'Two', unit: 'h', active: true },
      { name: 'Two', unit: 'h', active: false },
      { name: 'Two', unit: 'h', active: false, recurring: true },
    ],
  },
  { path: '/producers/unchanged', body: { name: 'One' }, others: [{ name: 'Two' }, {}] },
  {
    path: '/event-types/un.changed',
    body: { schema: OBJECT_SCHEMA },
    others: [
      { schema: OBJECT_SCHEMA, description: 'Sizes.' },
      { schema: WIDER_SCHEMA, description: 'Sizes.' },
    ],
  },
  {
    path: '/units/unchanged',
    body: { dimension: 'count', factor: '12' },
    others: [],
  },
];

test.each(RESOURCES)('PUT $path is in the audit log when it changes something', async (put) => {
  const { path, body, others } = put;
  expect((await api.ask('PUT', path, body)).status).toBe(201);
  expect(await auditCount(path)).toBe(1);
  let count = 1;
  for (const wanted of [body, ...others]) {
    const first = await api.ask('PUT', path, wanted);
    expect(first.status).toBe(200);
    if (wanted !== body) count += 1;
    expect(await auditCount(path)).toBe(count);
    const again = await api.ask('PUT', path, wanted);
    expect(again.status).toBe(200);
    expect(again.body).toEqual(first.body);
    expect(await auditCount(path)).toBe(count);
  }
});

test('PUT of an endpoint is in the audit log when it changes something', async () => {
  const path = '/endpoints/unchanged';
  const customer = await api.ask('PUT', '/customers/owner', { name: 'Owner' });
  expect(customer.status).toBe(201);
  let wanted: object = { client: 'owner', url: 'https://example.com/a' };
  expect((await api.ask('PUT', path, wanted)).status).toBe(201);
  expect(await auditCount(path)).toBe(1);
  let count = 1;
  const changes = [
    ...[{}, { url: 'https://example.com/b' }, { description: 'Ours.' }, { fifo: true }],
    ...[{ types: ['a.b', 'a.c'] }, { filter: { kind: 'a', count: 1.5, gone: null } }],
    ...[{ rate_per_second: 7 }, { status: 'disabled' }, { status: 'enabled' }, { types: ['a.b'] }],
  ];
  for (const change of changes) {
    wanted = { ...wanted, ...change };
    const first = await api.ask('PUT', path, wanted);
    expect(first).toMatchObject({ status: 200, body: change });
    if (Object.keys(change).length > 0) count += 1;
    expect(await auditCount(path)).toBe(count);
    expect((await api.ask('PUT', path, wanted)).body).toEqual(first.body);
    expect(await auditCount(path)).toBe(count);
  }
});

test.each([
  ['/orders', { customer_id: 'unchanged', items: [{ sku: 'cpu', qty: 1 }] }],
  ['/workflow', { data: [{ a: 1 }], steps: ['one'] }],
  ['/exports', { report: 'pulses' }],
])('POST %s is in the audit log once for each idempotency key', async (path, body) => {
  const headers = { 'idempotency-key': path };
  const first = await api.ask('POST', path, body, { headers });
  expect(first.status).toBeLessThan(300);
  for (let count = 0; count < 2; count++) {
    const again = await api.ask('POST', path, body, { headers });
    expect(again.status).toBe(first.status);
    expect(again.headers['idempotent-replayed']).toBe('true');
  }
  expect(await auditCount(path, 'POST')).toBe(1);
});

test('DELETE of an export is in the audit log when it ends one', async () => {
  const { body } = await api.ask('POST', '/exports', { report: 'pulses' });
  const path = `/exports/${String(body.id)}`;
  for (let count = 0; count < 3; count++) {
    expect((await api.ask('DELETE', path)).body).toMatchObject({ state: 'canceled' });
    expect(await auditCount(path, 'DELETE')).toBe(1);
  }
});

test('a dry run, and what finds nothing to do, is not in the audit log', async () => {
  await api.ask('PUT', '/customers/dry', { name: 'Dry' });
  await api.ask('PUT', '/endpoints/dry', { client: 'dry', url: 'https://example.com/' });
  const since = new Date().toISOString();
  for (const [path, body] of [
    ['/endpoints/dry/recover', { since, dry_run: true }],
    ['/endpoints/dry/recover', { since }],
    ['/dead-letters/replay', { dry_run: true, reason: 'sum_overflow' }],
    ['/dead-letters/discard', { dry_run: true, reason: 'sum_overflow', note: 'none' }],
  ] as const) {
    expect((await api.ask('POST', path, body)).status).toBe(200);
    expect(await auditCount(path, 'POST')).toBe(0);
  }
});

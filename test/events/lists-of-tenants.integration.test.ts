/** What the lists of some tenants read where another one has nearly everything. */
import { randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import type { TenantScope } from '../../src/core/tenant-scope.ts';
import { listDeliveries } from '../../src/delivery/deliveries-query.ts';
import { readNewest } from '../../src/events/message-pages-query.ts';
import { listOrders } from '../../src/orders/orders-query.ts';
import { readAsTenants } from '../../src/platform/scoped-postgres.ts';
import { listDeadLetters } from '../../src/quarantine/quarantine-query.ts';
import { listSubscriptions } from '../../src/subscriptions/subscriptions-query.ts';
import { useEventsFixture } from './events-fixture.ts';

type Queryable = Pick<ClientBase, 'query'>;

const ROWS = 30_000;
/** Of an answer; the walk through what the other one has takes hundreds. */
const PAGES_MAX = 60;
const STORED = `date_trunc('month', now()) + make_interval(secs => n)`;
const fixture = useEventsFixture();
let large: string;
let small: string;
let old: string;

beforeAll(async () => {
  const names = await fixture.make();
  large = names.client;
  small = (await fixture.make()).client;
  const { pool } = fixture;
  await pool.query(
    `INSERT INTO messages (producer, id, type, type_version, client, number, data, occurred_at, stored_at)
     SELECT $1, 'm' || n, $2, 1, $3, n, '{}', now(), ${STORED} FROM generate_series(1, ${ROWS}) AS n`,
    [names.producer, names.type, large],
  );
  const endpoint = `endpoint-${randomUUID()}`;
  await pool.query(
    `INSERT INTO endpoints (id, client, url, secret) VALUES ($1, $2, 'https://example.com/', '')`,
    [endpoint, large],
  );
  await pool.query(
    `INSERT INTO deliveries (id, endpoint_id, client, producer, message_id, message_stored_at, number, type, due_at, created_at)
     SELECT gen_random_uuid(), $1, $2, $3, 'm' || n, ${STORED}, n, $4, now(), ${STORED}
     FROM generate_series(1, ${ROWS}) AS n`,
    [endpoint, large, names.producer, names.type],
  );
  await pool.query(
    `INSERT INTO subscriptions (id, user_id, status, applied_number, changed_xid, created_at)
     SELECT gen_random_uuid(), $1, 'active', 1, '1', ${STORED} FROM generate_series(1, ${ROWS}) AS n`,
    [large],
  );
  old = (await fixture.make()).client;
  // The first tenth is of one tenant, so all that comes first in a list is of the other one.
  const tenant = `CASE WHEN n <= ${ROWS / 10} THEN $1 ELSE $2 END`;
  await pool.query(
    `INSERT INTO orders (id, customer_id, status, currency, tenant, created_by, created_at)
     SELECT gen_random_uuid(), ${tenant}, 'completed', 'EUR', ${tenant}, 'test', ${STORED}
     FROM generate_series(1, ${ROWS}) AS n`,
    [old, large],
  );
  await pool.query(
    `INSERT INTO dead_letters (id, reason, detail, body, tenant, received_at)
     SELECT gen_random_uuid(), 'unknown', '', '', ${tenant}, ${STORED}
     FROM generate_series(1, ${ROWS}) AS n`,
    [old, large],
  );
  await pool.query(
    'VACUUM ANALYZE messages, deliveries, subscriptions, customers, orders, dead_letters',
  );
});

interface Plan {
  readonly Plan: Readonly<Record<'Shared Hit Blocks' | 'Shared Read Blocks', number>>;
}

/** How many pages of the database a statement reads as a caller of these tenants. */
async function pagesOf(
  tenants: readonly string[],
  ask: (client: Queryable) => Promise<unknown>,
): Promise<number> {
  let pages = 0;
  const explain = async (client: Queryable, text: string, values: unknown[]) => {
    const { rows } = await client.query<{ 'QUERY PLAN': [Plan] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
      values,
    );
    const plan = rows[0]!['QUERY PLAN'][0].Plan;
    pages += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    return { rows: [] };
  };
  await readAsTenants(fixture.pool, tenants, async (client) => {
    const query = (text: string, values: unknown[]) => explain(client, text, values);
    await ask({ query } as unknown as Queryable);
  });
  expect(pages).toBeGreaterThan(0);
  return pages;
}

const LISTS = {
  messages: (client: Queryable, scope: TenantScope) =>
    readNewest(client, { scope }, { limit: 100 }),
  'messages of a type': (client: Queryable, scope: TenantScope) =>
    readNewest(client, { scope, type: 'rare' }, { limit: 100 }),
  deliveries: (client: Queryable, scope: TenantScope) =>
    listDeliveries(client, { scope }, { limit: 100 }),
  'deliveries that were delivered': (client: Queryable, scope: TenantScope) =>
    listDeliveries(client, { scope, status: 'delivered' }, { limit: 100 }),
  subscriptions: (client: Queryable, scope: TenantScope) =>
    listSubscriptions(client, { scope }, { limit: 40 }),
  orders: (client: Queryable, scope: TenantScope) => listOrders(client, { scope }, { limit: 40 }),
  'orders that are completed': (client: Queryable, scope: TenantScope) =>
    listOrders(client, { scope, status: 'completed' }, { limit: 40 }),
  'dead letters': (client: Queryable, scope: TenantScope) =>
    listDeadLetters(client, { scope, limit: 40 }),
  'dead letters of a reason': (client: Queryable, scope: TenantScope) =>
    listDeadLetters(client, { scope, reason: 'unknown', limit: 40 }),
};

test.each(Object.keys(LISTS) as (keyof typeof LISTS)[])(
  'the list of %s does not walk through those of another tenant',
  async (name) => {
    expect(await pagesOf([small], (client) => LISTS[name](client, [small]))).toBeLessThan(
      PAGES_MAX,
    );
  },
);

test.each(['messages', 'deliveries', 'subscriptions', 'orders', 'dead letters'] as const)(
  'the list of %s does not read all of a tenant that has nearly everything',
  async (name) => {
    expect(await pagesOf([large], (client) => LISTS[name](client, [large]))).toBeLessThan(
      PAGES_MAX,
    );
  },
);

test.each(['messages', 'deliveries', 'subscriptions', 'orders', 'dead letters'] as const)(
  'the list of %s of very many tenants is read from the index of all',
  async (name) => {
    const many = [large, small, ...Array.from({ length: 500 }, (_, index) => `other-${index}`)];
    expect(await pagesOf(many, (client) => LISTS[name](client, many))).toBeLessThan(PAGES_MAX);
  },
);

test('pages of several tenants are merged, newest first', async () => {
  const third = await fixture.make();
  await fixture.pool.query(
    `INSERT INTO messages (producer, id, type, type_version, client, number, data, occurred_at, stored_at)
     SELECT $1, 'own' || n, $2, 1, $3, n, '{}', now(), ${STORED} + interval '0.5 seconds'
     FROM generate_series(${ROWS - 3}, ${ROWS}) AS n`,
    [third.producer, third.type, third.client],
  );
  const scope = [small, large, third.client];
  const read = (after?: Parameters<typeof readNewest>[2]['after']) =>
    readAsTenants(fixture.pool, scope, (client) =>
      readNewest(client, { scope }, { limit: 3, after }),
    );
  const first = await read();
  const second = await read(first.messages.at(-1));
  const ids = [first, second].flatMap(({ messages }) => messages.map(({ id }) => id));
  const pairs = [0, 1, 2].flatMap((back) => [`own${ROWS - back}`, `m${ROWS - back}`]);
  expect(ids).toEqual(pairs);
  expect(first.isLast).toBe(false);
});

const LISTS_BY_TENANT = [
  'orders',
  'orders that are completed',
  'dead letters',
  'dead letters of a reason',
] as const;

test.each(LISTS_BY_TENANT)(
  'the list of %s does not walk through newer ones of another tenant',
  async (name) => {
    for (const tenants of [[old], [old, small]]) {
      const pages = await pagesOf(tenants, (client) => LISTS[name](client, tenants));
      expect(pages).toBeLessThan(PAGES_MAX);
    }
  },
);

test('pages of orders and dead letters of several tenants are merged, in order', async () => {
  const scope = [small, old, large];
  const middle = (
    await fixture.pool.query<{ at: Date }>(
      `SELECT date_trunc('month', now()) + make_interval(secs => ${ROWS / 10}) AS at`,
    )
  ).rows[0]!.at.getTime();
  const span = { fromMs: middle - 5_000, toMs: middle + 5_000 };
  await readAsTenants(fixture.pool, scope, async (client) => {
    const first = await listOrders(client, { scope, ...span }, { limit: 6 });
    const rest = await listOrders(
      client,
      { scope, ...span },
      { limit: 40, after: first.at(-1)?.cursor },
    );
    expect([...first, ...rest].map(({ tenant }) => tenant)).toEqual([
      ...Array<string>(4).fill(large),
      ...Array<string>(6).fill(old),
    ]);
    for (const order of ['newest', 'oldest'] as const) {
      const page = { scope, ...span, order };
      const head = await listDeadLetters(client, { ...page, limit: 6 });
      const tail = await listDeadLetters(client, {
        ...page,
        limit: 40,
        after: head.at(-1)?.cursor,
      });
      const times = [...head, ...tail].map(({ receivedAt }) => receivedAt.getTime());
      expect(times).toHaveLength(10);
      expect(times).toEqual(
        times.toSorted((one, other) => (order === 'newest' ? other - one : one - other)),
      );
    }
  });
});

test('the list of orders of new tenants does not read those of many others', async () => {
  await fixture.pool.query(
    `INSERT INTO orders (id, customer_id, status, currency, tenant, created_by, created_at)
     SELECT gen_random_uuid(), 'one of ' || n % 200, 'completed', 'EUR', 'one of ' || n % 200, 'test', ${STORED}
     FROM generate_series(1, 60000) AS n`,
  );
  await fixture.pool.query('VACUUM ANALYZE orders');
  const scope = ['new', 'newer'];
  expect(await pagesOf(scope, (client) => LISTS.orders(client, scope))).toBeLessThan(100);
});

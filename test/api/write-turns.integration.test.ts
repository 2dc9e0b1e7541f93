/** Many writes of one tenant are in flight: the requests of others, logins and GET /me do not wait for them. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newKey } from './access-fixture.ts';
import { openAccessApi, PASSWORD, type AccessApi } from '../access/access-api.ts';
import { eventually } from '../support/eventually.ts';
import { useLocker } from '../support/locker.ts';

/** Of a pool of 10 connections: 2 are for what is no tenant's, half of the others for each tenant. */
const SHARE = 4;
/** Requests of a tenant that wait. */
const WAITING_MAX = 200;

let api: AccessApi;
/** Keys of an operator of each tenant. */
let acme: string;
let beta: string;
const locker = useLocker(() => api.pool);

beforeAll(async () => {
  api = await openAccessApi();
  acme = (await newKey(api.pool, { role: 'operator', scope: ['acme'] })).text;
  beta = (await newKey(api.pool, { role: 'operator', scope: ['beta'] })).text;
  for (const tenant of ['acme', 'beta']) {
    await api.call('PUT', `/customers/of-${tenant}`, { name: tenant, tenant });
    await api.call('PUT', `/producers/of-${tenant}`, {});
  }
  await api.call('PUT', '/event-types/thing.made', { schema: { type: 'object' } });
  await api.call('POST', '/events', ['acme', 'beta'].map(eventOf));
  await api.call('PUT', '/endpoints/of-acme', endpointOf('acme'));
  await api.call('PUT', '/endpoints/of-beta', endpointOf('beta'));
});
afterAll(() => api.close());
beforeEach(() => locker.client.query('BEGIN'));

const eventOf = (tenant: string) => ({
  ...{ id: randomUUID(), producer: `of-${tenant}`, client: `of-${tenant}` },
  ...{ type: 'thing.made', data: {} },
});
const orderOf = (tenant: string) => ({
  customer_id: `of-${tenant}`,
  items: [{ sku: 'cpu', qty: 1 }],
});
const endpointOf = (tenant: string) => ({ client: `of-${tenant}`, url: 'https://93.184.215.14/' });

/** Connections of the API that wait for a lock. */
type Answer = Awaited<ReturnType<AccessApi['call']>>;

/** Sends requests that wait for what `locker` has locked. */
async function flood(count: number, send: () => Promise<Answer>) {
  const answers: Answer[] = [];
  const all = Array.from({ length: count }, async () => answers.push(await send()));
  await eventually(locker.waiting).toBe(SHARE);
  return {
    answers,
    async end() {
      expect(await locker.waiting()).toBe(SHARE);
      await locker.client.query('COMMIT');
      await Promise.all(all);
      return answers.map(({ status }) => status);
    },
  };
}

/** What another tenant's caller, and whoever logs in, ask meanwhile. @returns The statuses. */
async function askOthers() {
  const asked = [
    await api.call('GET', '/me', undefined, beta),
    await api.call('GET', '/me', undefined, acme),
    await api.call('GET', '/messages?client=of-beta&after=0', undefined, beta),
    await api.call('POST', '/events', eventOf('beta'), beta),
    await api.call('POST', '/orders', orderOf('beta'), beta),
    await api.call('PUT', '/endpoints/of-beta', endpointOf('beta'), beta),
    await api.call('POST', '/login', { username: 'root', password: PASSWORD }),
  ];
  return asked.map(({ status }) => status);
}

const OTHERS_ANSWERED = [200, 200, 200, 200, 202, 200, 200];

describe('while one tenant has many writes in flight, others are answered', () => {
  test('events for one client, whose numbers are taken in turn; too many are refused', async () => {
    await locker.client.query("SELECT FROM message_numbers WHERE client = 'of-acme' FOR UPDATE");
    const excess = 10;
    const sent = SHARE + WAITING_MAX + excess;
    const flooded = await flood(sent, () => api.call('POST', '/events', eventOf('acme'), acme));
    expect(await askOthers()).toEqual(OTHERS_ANSWERED);
    const refused = flooded.answers.map(({ status, headers }) => [status, headers['retry-after']]);
    expect(refused).toEqual(Array.from({ length: excess }, () => [503, '5']));
    const statuses = await flooded.end();
    expect(statuses.filter((status) => status === 200)).toHaveLength(SHARE + WAITING_MAX);
  });

  test('orders with an idempotency key', async () => {
    const sending = (key: string) =>
      api.app.inject({
        ...{ method: 'POST', url: '/api/v1/orders', payload: orderOf('acme') },
        headers: { authorization: `Bearer ${acme}`, 'idempotency-key': key },
      });
    await locker.client.query('LOCK TABLE idempotency_keys IN SHARE MODE');
    const flooded = await flood(40, async () => {
      const { statusCode: status, headers } = await sending(randomUUID());
      return { status, headers, body: null };
    });
    expect(await askOthers()).toEqual(OTHERS_ANSWERED);
    expect(flooded.answers).toEqual([]);
    expect(new Set(await flooded.end())).toEqual(new Set([202]));
  });

  test('endpoints, and their secrets', async () => {
    await locker.client.query("SELECT FROM endpoints WHERE id = 'of-acme' FOR UPDATE");
    let count = 0;
    const flooded = await flood(40, () =>
      count++ % 2 === 0
        ? api.call('PUT', '/endpoints/of-acme', endpointOf('acme'), acme)
        : api.call('POST', '/endpoints/of-acme/rotate-secret', {}, acme),
    );
    expect(await askOthers()).toEqual(OTHERS_ANSWERED);
    expect(flooded.answers).toEqual([]);
    expect(new Set(await flooded.end())).toEqual(new Set([200]));
  });
});

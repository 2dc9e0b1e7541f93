import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { beginNewEpoch } from '../../src/aggregate/epoch.ts';
import { flushAll } from '../../src/flush/flush.ts';
import { sumFlushedPulses } from '../../src/flush/ledger.ts';
import { authorization, createTestApp, fakeIdentities, forgeToken } from '../api/api-fixture.ts';
import { parsedPulse } from '../support/pulses.ts';
import { AGE_MAX_MS, createUsageFixture, type UsageFixture } from './usage-fixture.ts';

let fixture: UsageFixture;
let app: Awaited<ReturnType<typeof createTestApp>>['app'];

const identities = fakeIdentities({ limited: { role: 'viewer', tenants: ['acme'] } });

beforeAll(async () => {
  fixture = await createUsageFixture();
  const usage = { held: fixture.accumulator, pulseAgeMaxMs: AGE_MAX_MS, windowSeconds: 3_600 };
  ({ app } = await createTestApp({ pool: fixture.pool, identities, usage }));
});
afterAll(async () => {
  await app.close();
  await fixture.close();
});
beforeEach(async () => {
  await fixture.reset();
  await fixture.count([parsedPulse({ id: 'flushed' })]);
  await flushAll(fixture);
  await fixture.count([parsedPulse({ id: 'held' })]);
});

async function get(path: string, user: string) {
  const headers = authorization(forgeToken({ claims: { sub: user } }));
  return await app.inject({ url: `/api/v1/${path}`, headers });
}

const emptied = () => fixture.redis.flushdb();
/** Another Redis, which belongs to another database. */
const exchanged = async () => {
  await emptied();
  await fixture.redis.hset('{0}:books', { epoch: randomUUID() });
};
/** In a cluster, one server of several. */
const lostOneShard = () => fixture.redis.del('{1}:books', '{1}:live');

test.each([
  ['was emptied', emptied],
  ['was exchanged', exchanged],
  ['lost one shard', lostOneShard],
])('while Redis %s, no sum is answered that leaves out what it held', async (_how, lose) => {
  expect((await get('usage', 'alice')).json()).toMatchObject({ data: [{ pulse_count: 2 }] });
  await lose();
  for (const user of ['alice', 'limited']) {
    for (const path of ['usage', 'usage.csv', 'usage?window=day&tenant=acme']) {
      const answer = await get(path, user);
      expect({ path, user, ...answer.json<object>() }).toMatchObject({
        path,
        user,
        status: 503,
        code: 'PULSE_API_SUMS_LOST',
      });
      expect(answer.headers['retry-after']).toBe('60');
    }
  }
});

test('while Redis is emptied, what is flushed is answered, and claims no more than is certain', async () => {
  const asOf = encodeURIComponent(new Date().toISOString());
  await emptied();
  for (const path of ['usage?live=false', `usage?as_of=${asOf}`]) {
    const answer = (await get(path, 'limited')).json<Record<string, unknown>>();
    expect(answer).toMatchObject({ data: [{ pulse_count: 1 }], pending: null });
    expect(answer.complete_through).toBe(answer.final_through);
  }
});

test('once an operator accepts the loss, questions are answered again', async () => {
  await emptied();
  await beginNewEpoch(fixture, {
    note: 'lost',
    flushedPulses: (shard, exceptBatchIds) =>
      sumFlushedPulses(fixture.pool, { shard, exceptBatchIds }),
  });
  expect((await get('usage', 'limited')).json()).toMatchObject({ data: [{ pulse_count: 1 }] });
});

test('before the first start there is nothing to lose', async () => {
  await fixture.reset();
  await fixture.pool.query('TRUNCATE epochs');
  await emptied();
  expect((await get('usage', 'limited')).json()).toMatchObject({ data: [], pending: 0 });
});

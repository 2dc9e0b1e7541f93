import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createAccessFixture,
  insertDeadLetter,
  type AccessFixture,
} from '../api/access-fixture.ts';
import { OTHER_TENANT, OWN_TENANT } from '../api/access-matrix-row.ts';

let fixture: AccessFixture;
let authorization: string;

beforeAll(async () => {
  fixture = await createAccessFixture();
  authorization = fixture.good.find(
    ({ role, scope }) => role === 'operator' && scope === 'own',
  )!.authorization;
});
afterAll(() => fixture.close());

const call = (method: 'GET' | 'PUT' | 'POST', path: string, payload?: object) =>
  fixture.app.inject({
    method,
    url: `/api/v1/dead-letters${path}`,
    headers: { authorization },
    ...(payload === undefined ? {} : { payload }),
  });
const stored = async (id: string) => {
  const sql = 'SELECT state, tenant, fixed_body FROM dead_letters WHERE id = $1';
  return (await fixture.pool.query<Record<string, unknown>>(sql, [id])).rows[0];
};

test.each([
  ['another tenant', { tenant: OTHER_TENANT }],
  ['no tenant', {}],
  ['several tenants', [{ tenant: OWN_TENANT }, { tenant: OTHER_TENANT }]],
  ['what is no pulse', 'text'],
])("a caller's own dead letter cannot be fixed to name %s", async (_name, body) => {
  const id = await insertDeadLetter(fixture.pool, OWN_TENANT);
  const res = await call('PUT', `/${id}/body`, { content: JSON.stringify(body) });
  expect(res.statusCode).toBe(403);
  expect(res.json()).toMatchObject({ code: 'PULSE_API_FORBIDDEN' });
  expect(await stored(id)).toMatchObject({ tenant: OWN_TENANT, fixed_body: null });
});

test.each([
  ['{"tenant": 1}', 1],
  [JSON.stringify([{}, {}]), 2],
])('a correction of %s has at most as many pulses', async (refused, count) => {
  const id = await insertDeadLetter(fixture.pool, OWN_TENANT);
  const sql = 'UPDATE dead_letters SET body = $2 WHERE id = $1';
  await fixture.pool.query(sql, [id, Buffer.from(refused)]);
  const fix = (length: number) =>
    call('PUT', `/${id}/body`, {
      content: JSON.stringify(Array(length).fill({ tenant: OWN_TENANT })),
    });
  const more = await fix(count + 1);
  expect(more.statusCode).toBe(400);
  expect(more.json()).toMatchObject({ errors: [{ field: 'content' }] });
  expect(await stored(id)).toMatchObject({ fixed_body: null });
  expect((await fix(1)).statusCode).toBe(200);
  expect((await fix(count)).statusCode).toBe(200);
});

test('bulk actions take only the caller’s tenants, whatever the filter', async () => {
  const own = await insertDeadLetter(fixture.pool, OWN_TENANT);
  const others = [
    await insertDeadLetter(fixture.pool, OTHER_TENANT),
    await insertDeadLetter(fixture.pool, null),
  ];
  const filter = { reason: 'invalid_tenant' };
  const preview = await call('POST', '/replay', { ...filter, dry_run: true });
  const { matched } = preview.json<{ matched: number }>();
  const { rowCount } = await fixture.pool.query(
    `SELECT FROM dead_letters WHERE tenant = $1 AND state = 'quarantined'`,
    [OWN_TENANT],
  );
  expect(matched).toBe(rowCount);
  expect((await call('POST', '/replay', { tenant: OTHER_TENANT })).json()).toMatchObject({
    ...{ matched: 0, replayed: 0 },
  });
  const discarded = await call('POST', '/discard', { ...filter, note: 'mine' });
  expect(discarded.json()).toMatchObject({ discarded: matched });
  expect(await stored(own)).toMatchObject({ state: 'discarded' });
  for (const id of others) expect(await stored(id)).toMatchObject({ state: 'quarantined' });
});

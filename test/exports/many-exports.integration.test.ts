/** What callers with the same tenants may pile up. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ENDED_MAX, FILES_MAX } from '../../src/exports/exports-routes.ts';
import { createLinkSigner } from '../../src/exports/signed-link.ts';
import type { Api } from '../../src/http/api-module.ts';
import { authorization, createTestApp, fakeIdentities, forgeToken } from '../api/api-fixture.ts';
import { useExportsFixture } from './exports-fixture.ts';

const fixture = useExportsFixture();
let app: Api;

beforeAll(async () => {
  const { directory, pool } = fixture;
  const identities = fakeIdentities({ scoped: { role: 'operator', tenants: ['acme'] } });
  const links = createLinkSigner('test');
  ({ app } = await createTestApp({ pool, identities, exports: { directory, links } }));
});
afterAll(() => app.close());

async function ask(method: 'GET' | 'POST' | 'DELETE', path: string, as = 'alice') {
  const response = await app.inject({
    method,
    url: `/api/v1/exports${path}`,
    headers: authorization(forgeToken({ claims: { sub: as } })),
    ...(method === 'POST' ? { payload: { report: 'usage' } } : {}),
  });
  return { status: response.statusCode, body: response.json<Record<string, unknown>>() };
}

/** Of callers who see all tenants, one a second, the newest last. */
async function insertExports(count: number, state: 'ready' | 'expired' | 'canceled' | 'failed') {
  await fixture.pool.query(
    `INSERT INTO exports (id, share, created_by, report, parameters, format, gzip, spreadsheet, as_of, state, sha256,
       byte_count, created_at, ended_at, expires_at)
     SELECT gen_random_uuid(), 'all', 'test', 'usage', '{}', 'csv', false, false, now(), $2, repeat('0', 64), 10,
       now() - make_interval(secs => $1 - number), now(), now() + interval '1 hour'
     FROM generate_series(1, $1::integer) number`,
    [count, state],
  );
}

const count = async () => {
  const { rows } = await fixture.pool.query<{ state: string; count: number }>(
    'SELECT state, count(*)::integer AS count FROM exports GROUP BY 1 ORDER BY 1',
  );
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
};

test('many small files are as many as callers may have, until one of them is deleted', async () => {
  await insertExports(FILES_MAX - 1, 'ready');
  expect((await ask('POST', '')).status).toBe(202);
  const refused = await ask('POST', '');
  expect(refused).toMatchObject({ status: 409, body: { code: 'PULSE_API_EXPORT_QUOTA' } });
  expect(refused.body.detail).toBe(
    'You may have at most 10000 exports with a file. Delete exports that you have downloaded, or wait until some expire.',
  );
  expect((await ask('POST', '', 'scoped')).status).toBe(202);
  const { rows } = await fixture.pool.query<{ id: string }>(
    `SELECT id FROM exports WHERE state = 'ready' LIMIT 1`,
  );
  expect((await ask('DELETE', `/${rows[0]?.id}`)).status).toBe(200);
  expect((await ask('POST', '')).status).toBe(202);
});

test.each(['canceled', 'failed', 'expired'] as const)(
  'of those that are %s, the newest remain, and what has not ended stays',
  async (state) => {
    await insertExports(2, 'ready');
    await insertExports(ENDED_MAX + 5, state);
    const newest = await fixture.pool.query<{ id: string }>(
      'SELECT id FROM exports WHERE state = $1 ORDER BY created_at DESC LIMIT $2',
      [state, ENDED_MAX],
    );
    await ask('POST', '', 'scoped');
    expect(await count()).toEqual({ [state]: ENDED_MAX + 5, queued: 1, ready: 2 });
    expect((await ask('POST', '')).status).toBe(202);
    expect(await count()).toEqual({ [state]: ENDED_MAX, queued: 2, ready: 2 });
    const left = await fixture.pool.query<{ id: string }>(
      'SELECT id FROM exports WHERE state = $1 ORDER BY created_at DESC',
      [state],
    );
    expect(left.rows).toEqual(newest.rows);
  },
);

test('whoever requests and cancels again and again leaves no more behind than that', async () => {
  await insertExports(ENDED_MAX, 'canceled');
  for (let turn = 0; turn < 5; turn += 1) {
    const { body } = await ask('POST', '');
    await ask('DELETE', `/${String(body.id)}`);
  }
  expect(await count()).toEqual({ canceled: ENDED_MAX + 1 });
});

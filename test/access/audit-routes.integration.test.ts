import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditStatement } from '../../src/access/audit-query.ts';
import { openAccessApi, type AccessApi } from './access-api.ts';

const ROWS = 300_000;
const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;

interface Entry {
  readonly id: string;
  readonly at: string;
  readonly action: string;
  readonly actor: string | null;
  readonly subject: string | null;
}

let api: AccessApi;
beforeAll(async () => {
  api = await openAccessApi();
});
afterAll(() => api.close());

const list = async (query: Record<string, string>) => {
  const path = `/audit?${new URLSearchParams(query).toString()}`;
  const { status, body, headers } = await api.call('GET', path);
  const { data = [], next } = body as { data?: Entry[]; next: string | null };
  return { status, body, data, next, link: headers.link };
};

test('shows who did what, newest first', async () => {
  const key = { name: 'meter', role: 'viewer', tenants: ['acme'] };
  const { body: created } = await api.call('POST', '/keys', key);
  const { id } = created as { id: string };
  await api.call('DELETE', `/keys/${id}`);
  const { data } = await list({ subject: id });
  expect(data).toEqual([
    {
      ...{ id: expect.stringMatching(/^\d+$/) as string, at: INSTANT, action: 'key revoked' },
      ...{ actor: 'root', via: 'api', address: '127.0.0.1', subject: id, details: {} },
      request_id: expect.any(String) as string,
    },
    expect.objectContaining({
      action: 'key created',
      details: { name: 'meter', role: 'viewer', tenants: ['acme'], expires_at: INSTANT },
    }),
  ]);
});

describe('among many', () => {
  beforeAll(async () => {
    // A few actors do nearly everything, one action is rare, and some entries are of one instant.
    await api.pool.query(
      `INSERT INTO audit_log (at, action, actor, via, subject)
       SELECT timestamptz '2025-01-01' + n / 3 * interval '10 seconds',
              CASE WHEN n % 100000 = 7 THEN 'user disabled' WHEN n % 10 = 0 THEN 'denied' ELSE 'changed' END,
              CASE WHEN n % 50000 = 7 THEN 'rare' ELSE 'user' || n % 20 END, 'api',
              'PUT /things/' || n % 1000 FROM generate_series(1, $1) n`,
      [ROWS],
    );
    await api.pool.query('ANALYZE audit_log');
  }, 120_000);

  test('pages have every entry once, in order', async () => {
    const filters = { from: '2025-01-01T00:00:00Z', to: '2025-01-01T00:05:00Z' };
    const seen: Entry[] = [];
    let after: string | null = null;
    do {
      const page = await list({ ...filters, limit: '7', ...(after === null ? {} : { after }) });
      seen.push(...page.data);
      after = page.next;
      if (after !== null) expect(page.link).toContain(`after=${after}`);
    } while (after !== null);
    const { rows } = await api.pool.query<{ id: string }>(
      `SELECT id FROM audit_log WHERE at >= $1 AND at < $2 ORDER BY at DESC, id DESC`,
      [filters.from, filters.to],
    );
    expect(seen.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    expect(seen.length).toBeGreaterThan(80);
  });

  test.each([
    [{ actor: 'rare' }, 6],
    [{ action: 'user disabled' }, 3],
    [{ action: 'user disabled', actor: 'rare' }, 3],
    [{ actor: 'nobody' }, 0],
    [{ subject: 'PUT /things/7', actor: 'rare' }, 6],
    [{ action: 'denied', to: '2025-01-01T00:10:00Z' }, 17],
    [{ action: 'denied', after: `${Date.UTC(2025, 0, 1, 0, 10)}000.0` }, 17],
  ])('%j finds %i, and reads few pages of the table', async (query, count) => {
    const { data, status } = await list({ limit: '50', ...query });
    expect({ status, count: data.length }).toEqual({ status: 200, count });
    for (const entry of data) {
      for (const name of ['actor', 'action', 'subject'] as const) {
        if (name in query) expect(entry[name]).toBe((query as Partial<Entry>)[name]);
      }
    }
    expect(await pagesRead(query)).toBeLessThan(500);
  });
});

/** How many pages Postgres reads for the query of the route, by its own count. The table has thousands. */
async function pagesRead(query: object): Promise<number> {
  const { to, after, ...filters } = query as Record<string, string>;
  const toMs = to === undefined ? undefined : Date.parse(to);
  const { text, values } = auditStatement({ ...filters, toMs }, { limit: 51, after });
  const { rows } = await api.pool.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    values,
  );
  const { Plan } = rows[0]!['QUERY PLAN'][0];
  return Plan['Shared Hit Blocks']! + Plan['Shared Read Blocks']!;
}

test('refuses wrong filters', async () => {
  for (const query of [
    { action: 'nothing' },
    { after: '1' },
    { after: '1.x' },
    { from: 'yesterday' },
    { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' },
    { limit: '1001' },
  ]) {
    expect((await list(query as Record<string, string>)).status, JSON.stringify(query)).toBe(400);
  }
});

test('only administrators see the log, users and keys', async () => {
  const token = await api.newUser('operator', { role: 'operator' });
  for (const path of ['/audit', '/users', '/users/root', '/keys']) {
    await api.expectProblem(api.call('GET', path, undefined, token), 403, 'FORBIDDEN');
  }
});

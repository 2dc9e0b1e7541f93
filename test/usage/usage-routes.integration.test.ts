import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { flushAll } from '../../src/flush/flush.ts';
import { somePulses, WINDOW_SEC } from '../flush/flush-fixture.ts';
import { parsedPulse } from '../support/pulses.ts';
import { AGE_MAX_MS, createUsageFixture, type UsageFixture } from './usage-fixture.ts';
import { authorization, createTestApp, fakeIdentities, forgeToken } from '../api/api-fixture.ts';

interface Page {
  readonly data: Record<string, unknown>[];
  readonly next: string | null;
  readonly complete_through: string;
  readonly final_through: string;
  readonly provisional: boolean;
  readonly pending: number | null;
}

let fixture: UsageFixture;
let app: Awaited<ReturnType<typeof createTestApp>>['app'];

const identities = fakeIdentities({ seven: { role: 'viewer', tenants: ['tenant-0', "o'neil"] } });

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
});

async function get(path: string, headers: Record<string, string> = {}, user = 'alice') {
  const token = forgeToken({ claims: { sub: user } });
  return await app.inject({
    url: `/api/v1/${path}`,
    headers: { ...authorization(token), ...headers },
  });
}
async function page(search: string, user = 'alice'): Promise<Page> {
  const answer = await get(`usage?${search}`, {}, user);
  expect({ status: answer.statusCode, body: answer.body }).toMatchObject({ status: 200 });
  return answer.json<Page>();
}

describe('GET /usage', () => {
  test('adds up flushed and unflushed pulses, and says how complete the answer is', async () => {
    await fixture.count([parsedPulse({ windowStartSec: WINDOW_SEC, id: 'a' })]);
    await flushAll(fixture);
    await fixture.count([parsedPulse({ windowStartSec: WINDOW_SEC + 3_600, id: 'b' })]);
    const search = 'window=day&group_by=tenant,product_sku&from=2024-03-05&to=2024-03-06';
    const answer = await page(search);
    expect(answer).toEqual({
      data: [
        {
          window_start: '2024-03-05T00:00:00Z',
          window_end: '2024-03-06T00:00:00Z',
          tenant: 'acme',
          product_sku: 'vm.small',
          use_unity: 'hours',
          used_amount: '7',
          pulse_count: 2,
          provisional: true,
        },
      ],
      next: null,
      window_seconds: 3_600,
      complete_through: '2024-03-05T11:00:00Z',
      final_through: '2024-03-05T11:00:00Z',
      provisional: true,
      pending: 1,
      journalled: 0,
    });
  });

  test('pages by `next` and by Link while rows are added', async () => {
    await fixture.count(somePulses(70));
    const seen: unknown[] = [];
    let target = 'usage?group_by=tenant&group_by=product_sku&window=hour&limit=7&order=desc';
    for (let round = 0; target !== ''; round++) {
      const answer = await get(target);
      const { data, next } = answer.json<Page>();
      for (const { window_start, tenant, product_sku } of data) {
        seen.push([window_start, tenant, product_sku]);
      }
      const link = /<\/api\/v1\/([^>]+)>; rel="next"/.exec(String(answer.headers.link))?.[1];
      expect(link === undefined).toBe(next === null);
      target = link ?? '';
      if (round === 2) await flushAll(fixture);
      if (round === 3) await fixture.count(somePulses(70, 'again'));
    }
    expect(seen).toHaveLength(new Set(seen.map((key) => JSON.stringify(key))).size);
    expect(seen).toHaveLength(70);
    expect(seen.map(String)).toEqual(seen.map(String).sort().reverse());
  });

  test('reads dates in the time zone of tz', async () => {
    const at = (text: string, id: string) =>
      parsedPulse({ windowStartSec: Date.parse(text) / 1000, id });
    await fixture.count([
      at('2024-03-30T22:00Z', 'before'),
      at('2024-03-30T23:00Z', 'first'),
      at('2024-03-31T21:00Z', 'last'),
      at('2024-03-31T22:00Z', 'after'),
    ]);
    const search = 'window=day&tz=Europe/Berlin&from=2024-03-31&to=2024-04-01';
    const { data } = await page(search);
    expect(data).toMatchObject([
      {
        window_start: '2024-03-31T00:00:00+01:00',
        window_end: '2024-04-01T00:00:00+02:00',
        pulse_count: 2,
      },
    ]);
  });

  test('filters take several values, each as plain text', async () => {
    await fixture.count(
      ['a,b', "x' OR '1'='1", '*', 'c'].map((tenant, index) =>
        parsedPulse({ tenant, id: String(index) }),
      ),
    );
    const many = new URLSearchParams([
      ['tenant', 'a,b'],
      ['tenant', "x' OR '1'='1"],
      ['group_by', 'tenant'],
    ]);
    const { data } = await page(many.toString());
    expect(data.map(({ tenant }) => tenant)).toEqual(['a,b', "x' OR '1'='1"]);
    const star = await page(new URLSearchParams({ tenant: '*', group_by: 'tenant' }).toString());
    expect(star.data.map(({ tenant }) => tenant)).toEqual(['*']);
  });

  test('as_of leaves out pulses that were flushed later or not at all', async () => {
    await fixture.count(somePulses(10));
    await flushAll(fixture);
    await fixture.count(somePulses(5, 'later'));
    const asOf = encodeURIComponent(new Date().toISOString());
    expect(await page(`as_of=${asOf}`)).toMatchObject({
      data: [{ pulse_count: 10 }],
      pending: null,
    });
    expect(await page('as_of=2020-01-01T00:00:00Z')).toMatchObject({ data: [] });
    expect(await page('live=false')).toMatchObject({ data: [{ pulse_count: 10 }], pending: null });
    expect(await page('')).toMatchObject({ data: [{ pulse_count: 15 }], pending: 5 });
  });

  test('a query for another tenant is answered without Redis', async () => {
    const held = {
      shards: 1,
      readBooks: () => Promise.reject(new Error('Redis was asked.')),
      readMatching: () => Promise.reject(new Error('Redis was asked.')),
    };
    const usage = { held, pulseAgeMaxMs: AGE_MAX_MS, windowSeconds: 3_600 };
    const { app: lonely } = await createTestApp({ pool: fixture.pool, identities, usage });
    const headers = authorization(forgeToken({ claims: { sub: 'seven' } }));
    for (const url of ['/api/v1/usage?tenant=tenant-1', '/api/v1/usage.csv?tenant=nobody']) {
      expect((await lonely.inject({ url, headers })).statusCode).toBe(200);
    }
    const empty = (
      await lonely.inject({ url: '/api/v1/usage?tenant=tenant-1', headers })
    ).json<Page>();
    // What is not flushed is not known, so the answer claims no more than is certain.
    expect(empty).toMatchObject({ data: [], pending: 0, complete_through: empty.final_through });
    expect((await lonely.inject({ url: '/api/v1/usage', headers })).statusCode).toBe(500);
    await lonely.close();
  });

  test.each(['', 'flushed'])('shows a caller only their tenants, %s', async (place) => {
    await fixture.count(somePulses(70));
    if (place === 'flushed') await flushAll(fixture);
    const all = await page('group_by=tenant', 'seven');
    expect(all.data).toMatchObject([{ tenant: 'tenant-0', pulse_count: 10 }]);
    expect((await page('tenant=tenant-1', 'seven')).data).toEqual([]);
    const both = await page('tenant=tenant-1&tenant=tenant-0&group_by=tenant', 'seven');
    expect(both.data).toMatchObject([{ tenant: 'tenant-0' }]);
    expect((await get('usage.csv?group_by=tenant', {}, 'seven')).body).not.toContain('tenant-1');
  });

  test.each([
    ['window=week', 'window'],
    ['tz=CET', 'tz'],
    ['tz=Europe/Nowhere', 'tz'],
    ["tz=UTC'--", 'tz'],
    ['group_by=pulse_count', 'group_by'],
    ['from=yesterday', 'from'],
    ['from=2026-02-30', 'from'],
    ['from=0000-01-01', 'from'],
    ['from=2026-02-01&to=2026-02-01', 'to'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['after=x', 'after'],
    ['as_of=2999-01-01T00:00:00Z', 'as_of'],
    ['live=maybe', 'live'],
    ['tenant=', 'tenant.0'],
    ['tenant=%00', 'tenant.0'],
    ['colour=red', 'colour'],
  ])('refuses %s and names the parameter', async (search, field) => {
    const answer = await get(`usage?${search}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json<{ errors: unknown[] }>().errors).toMatchObject([{ field }]);
  });

  test('a cursor of another query is refused', async () => {
    await fixture.count(somePulses(70));
    const { next } = await page('group_by=tenant&limit=2');
    expect((await get(`usage?group_by=tenant&after=${next!}`)).statusCode).toBe(200);
    for (const search of ['group_by=product_sku', 'group_by=tenant&order=desc', 'window=day']) {
      expect((await get(`usage?${search}&after=${next!}`)).statusCode).toBe(400);
    }
  });
});

describe('an export', () => {
  test('is CSV that a spreadsheet reads as text', async () => {
    await fixture.count([
      parsedPulse({ tenant: '=1+1', sku: 'a "b", c', id: '1' }),
      parsedPulse({ tenant: 'plain', sku: '-2', id: '2' }),
    ]);
    const answer = await get('usage.csv?group_by=tenant,product_sku');
    expect(answer.headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': 'attachment; filename="usage.csv"',
      'pulse-provisional': 'true',
      'pulse-pending': '2',
      'pulse-complete-through': '2025-11-22T03:00:00Z',
    });
    expect(answer.body).toBe(
      'tenant,product_sku,use_unity,used_amount,pulse_count,provisional\r\n' +
        '"=1+1","a ""b"", c",hours,3.5,1,true\r\n' +
        'plain,"-2",hours,3.5,1,true\r\n',
    );
    const harmless = await get('usage.csv?group_by=tenant,product_sku&spreadsheet=true');
    expect(harmless.body).toBe(
      '\ufefftenant,product_sku,use_unity,used_amount,pulse_count,provisional\r\n' +
        `'=1+1,"a ""b"", c",hours,3.5,1,true\r\n` +
        'plain,"-2",hours,3.5,1,true\r\n',
    );
    expect([...harmless.rawPayload.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
  });

  test('has the type that Accept asks for, and all rows', async () => {
    const pulses = somePulses(2_500).map((pulse, index) => ({ ...pulse, sku: `sku-${index}` }));
    await fixture.count(pulses);
    await flushAll(fixture);
    const lines = await get('usage?group_by=product_sku', { accept: 'application/x-ndjson' });
    expect(lines.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    const rows = lines.body.trimEnd().split('\n');
    expect(rows).toHaveLength(2_500);
    expect(JSON.parse(rows[0]!)).toMatchObject({ product_sku: 'sku-0', provisional: false });
    const csv = await get('usage?group_by=product_sku&limit=3', { accept: 'text/csv' });
    expect(csv.body.trimEnd().split('\r\n')).toHaveLength(4);
  });

  test('an invalid request is answered with a problem document', async () => {
    const answer = await get('usage.csv?window=week');
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });
});

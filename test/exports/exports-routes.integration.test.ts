/** The whole way of an export over HTTP, with a real exporter. */
import { createHash, randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimExport } from '../../src/exports/lease-query.ts';
import { runExport } from '../../src/exports/run-export.ts';
import { createLinkSigner } from '../../src/exports/signed-link.ts';
import type { Api } from '../../src/http/api-module.ts';
import { authorization, createTestApp, fakeIdentities, forgeToken } from '../api/api-fixture.ts';
import { until } from '../support/until.ts';
import { useExportsFixture } from './exports-fixture.ts';

const fixture = useExportsFixture();
const links = createLinkSigner('test');
let app: Api;

beforeAll(async () => {
  const identities = fakeIdentities({
    scoped: { role: 'viewer', tenants: ['acme'] },
    wide: { role: 'operator', tenants: ['acme', 'globex'] },
    viewer: { role: 'viewer', tenants: 'all' },
  });
  const { directory, pool } = fixture;
  ({ app } = await createTestApp({ pool, identities, exports: { directory, links } }));
});
afterAll(() => app.close());

interface Asked {
  readonly as?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask(
  method: 'GET' | 'HEAD' | 'POST' | 'DELETE',
  path: string,
  body?: object,
  by: Asked = {},
) {
  const { as = 'alice', headers = {} } = by;
  const response = await app.inject({
    method,
    url: path.startsWith('/api') ? path : `/api/v1${path}`,
    headers: { ...authorization(forgeToken({ claims: { sub: as } })), ...headers },
    ...(body === undefined ? {} : { payload: body }),
  });
  const isJson = String(response.headers['content-type']).includes('json');
  return {
    status: response.statusCode,
    headers: response.headers,
    bytes: response.rawPayload,
    body: isJson ? response.json<Record<string, unknown>>() : {},
  };
}

/** Asks for an export, and waits until it has ended. */
async function make(body: object, as?: string) {
  const asked = await ask('POST', '/exports', body, { as });
  expect(asked.status, JSON.stringify(asked.body)).toBe(202);
  const id = String(asked.body.id);
  fixture.start();
  await fixture.end(id);
  return { id, body: (await ask('GET', `/exports/${id}`, undefined, { as })).body };
}

describe('an export', () => {
  test('is asked for, followed, and given out by token and by link', async () => {
    await fixture.addPulses('acme', 30);
    const { id, body } = await make({ report: 'pulses', gzip: true });
    expect(body).toMatchObject({ state: 'ready', rows: 30, sums: { GB: '45' }, failure: null });
    const file = await ask('GET', `/exports/${id}/file`);
    expect(file.headers).toMatchObject({
      'content-type': 'application/gzip',
      'content-length': String(body.bytes),
      'content-disposition': `attachment; filename="pulses-${id}.csv.gz"`,
      etag: `"${String(body.sha256)}"`,
    });
    expect(createHash('sha256').update(file.bytes).digest('hex')).toBe(body.sha256);
    expect(parse(gunzipSync(file.bytes).toString(), { columns: true })).toHaveLength(30);
    const { url } = body.download as { url: string };
    const linked = await app.inject({ url });
    expect(linked.statusCode).toBe(200);
    expect(linked.rawPayload.equals(file.bytes)).toBe(true);
    const { etag, 'content-length': length } = file.headers;
    for (const head of [
      await ask('HEAD', `/exports/${id}/file`),
      await app.inject({ method: 'HEAD', url }),
    ]) {
      expect(head.headers).toMatchObject({ etag, 'content-length': length });
    }
    const manifest = await ask('GET', `/exports/${id}/manifest`);
    expect(manifest.body).toMatchObject({ rows: 30, sha256: body.sha256, report: 'pulses' });
  });

  test('of usage has the rows and texts of GET /usage', async () => {
    await fixture.addPulses('=1+1', 2);
    await fixture.addPulses('acme', 3);
    const parameters = { window: 'day', tz: 'America/St_Johns', group_by: ['tenant'] };
    const { id } = await make({ report: 'usage', parameters });
    const file = await ask('GET', `/exports/${id}/file`);
    const rows = parse(file.bytes.toString(), { columns: true });
    const query = 'window=day&tz=America/St_Johns&group_by=tenant&live=false';
    const usage = await ask('GET', `/usage?${query}`);
    const wanted = (usage.body.data as Record<string, unknown>[]).map((row) => {
      const { provisional, ...rest } = row;
      expect(provisional).toBe(false);
      return { ...rest, pulse_count: String(rest.pulse_count) };
    });
    expect(rows).toEqual(wanted);
    expect(wanted).toHaveLength(2);
  });

  test.each(['usage', 'pulses', 'orders', 'subscriptions', 'messages', 'dead-letters'])(
    'of %s is made in both formats',
    async (report) => {
      for (const format of ['csv', 'ndjson']) {
        const { body } = await make({ report, format });
        expect(body, JSON.stringify(body)).toMatchObject({ state: 'ready', rows: 0 });
      }
    },
  );

  test('takes any text as a value, and no text as SQL', async () => {
    await fixture.addPulses("o'x", 1);
    await fixture.addPulses('back\\slash', 2);
    for (const [tenant, rows] of [
      ["o'x", 1],
      ['back\\slash', 2],
      ["'; DROP TABLE exports; --", 0],
      ['$1', 0],
      ["\\'; SELECT 1", 0],
      ['$$ $2 $&', 0],
    ] as const) {
      const { body } = await make({ report: 'pulses', parameters: { tenant } });
      expect(body, tenant).toMatchObject({ state: 'ready', rows });
    }
  });

  test('with an idempotency key is made once', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const first = await ask('POST', '/exports', { report: 'usage' }, { headers });
    const again = await ask('POST', '/exports', { report: 'usage' }, { headers });
    expect(again.body.id).toBe(first.body.id);
    expect(again.headers['idempotent-replayed']).toBe('true');
    const other = await ask('POST', '/exports', { report: 'pulses' }, { headers });
    expect(other.status).toBe(422);
  });

  test.each([
    [{ report: 'nope' }, 'report'],
    [{ report: 'usage', parameters: { tenat: ['x'] } }, 'parameters.tenat'],
    [{ report: 'usage', parameters: { window: 'week' } }, 'parameters.window'],
    [{ report: 'usage', parameters: { tz: 'Mars/Base' } }, 'parameters.tz'],
    [
      {
        report: 'pulses',
        parameters: { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' },
      },
      'parameters.to',
    ],
    [{ report: 'pulses', parameters: { tenant: 'a\u0000' } }, 'parameters.tenant'],
    [{ report: 'usage', format: 'ndjson', spreadsheet: true }, 'spreadsheet'],
    [{ report: 'usage', as_of: '2999-01-01T00:00:00Z' }, 'as_of'],
  ])('of %j is refused, and the answer names the field', async (body, field) => {
    const { status, body: problem } = await ask('POST', '/exports', body);
    expect(status).toBe(400);
    expect(problem.errors).toMatchObject([{ field }]);
    expect(problem.detail).toContain(`${field}: `);
  });

  test('is refused while twenty of the same callers wait', async () => {
    for (let index = 0; index < 18; index++) await fixture.ask({}, ['acme']);
    const another = () => ask('POST', '/exports', { report: 'usage' }, { as: 'scoped' });
    const answers = await Promise.all(Array.from({ length: 8 }, another));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(2);
    expect(await another()).toMatchObject({
      status: 429,
      body: { code: 'PULSE_API_TOO_MANY_EXPORTS' },
    });
    expect((await ask('POST', '/exports', { report: 'usage' })).status).toBe(202);
  });
});

describe('a link', () => {
  test('that was changed, or has ended, gives nothing', async () => {
    const { id, body } = await make({ report: 'usage' });
    const { url } = body.download as { url: string };
    const get = async (changed: string) => (await app.inject({ url: changed })).statusCode;
    expect(await get(url)).toBe(200);
    expect(await get(url.replace(id, randomUUID()))).toBe(403);
    expect(await get(url.replace('fence=1', 'fence=2'))).toBe(403);
    expect(await get(url.replace(/expires=\d+/, 'expires=9999999999'))).toBe(403);
    const expires = Math.floor(Date.now() / 1000) - 1;
    const late = { id, fence: 1, expires };
    const query = `fence=1&expires=${expires}&signature=${links.sign(late)}`;
    expect(await get(`/api/v1/exports/${id}/download?${query}`)).toBe(403);
  });

  test('of a deleted export gives nothing, and neither does a token', async () => {
    const { id, body } = await make({ report: 'usage' });
    const { url } = body.download as { url: string };
    expect((await ask('DELETE', `/exports/${id}`)).body.state).toBe('expired');
    expect((await app.inject({ url })).statusCode).toBe(409);
    expect(await ask('GET', `/exports/${id}/file`)).toMatchObject({
      status: 409,
      body: {
        code: 'PULSE_API_EXPORT_NOT_READY',
        detail: 'It is expired. Request a new export.',
      },
    });
    expect(await fixture.files()).toEqual([]);
  });

  test('of an export that becomes ready while it is canceled is removed', async () => {
    const { id } = await fixture.ask();
    const leaseMs = 60_000;
    const claimed = await claimExport(fixture.pool, leaseMs);
    if (claimed === undefined) throw new Error('There is nothing to claim.');
    let canceling: ReturnType<typeof ask> | undefined;
    const deps = {
      ...{ ...fixture.deps, leaseMs },
      async onReady() {
        canceling = ask('DELETE', `/exports/${id}`);
        await until('the cancel waits for the row', 20_000, async () => {
          const { rowCount } = await fixture.pool.query(
            `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE exports%canceled%'`,
          );
          return rowCount === 1;
        });
      },
    };
    await runExport(claimed, deps, new AbortController().signal);
    expect((await canceling)?.body.state).toBe('expired');
    expect(await fixture.files()).toEqual([]);
  });
});

describe('a caller of some tenants', () => {
  test('gets the rows of these tenants, and cannot ask for others', async () => {
    await fixture.addPulses('acme', 2);
    await fixture.addPulses('globex', 3);
    const own = await make({ report: 'pulses' }, 'scoped');
    expect(own.body).toMatchObject({ rows: 2 });
    const parameters = { tenant: 'globex' };
    const foreign = await make({ report: 'pulses', parameters }, 'scoped');
    expect(foreign.body).toMatchObject({ rows: 0, sums: {} });
  });

  test('sees exports all of whose tenants it may see', async () => {
    const [own, wide, all] = [
      await make({ report: 'usage' }, 'scoped'),
      await make({ report: 'usage' }, 'wide'),
      await make({ report: 'usage' }),
    ];
    const seenBy = async (as: string) => {
      const { body } = await ask('GET', '/exports', undefined, { as });
      return new Set((body.data as { id: string }[]).map(({ id }) => id));
    };
    expect(await seenBy('scoped')).toEqual(new Set([own.id]));
    expect(await seenBy('wide')).toEqual(new Set([own.id, wide.id]));
    expect(await seenBy('viewer')).toEqual(new Set([own.id, wide.id, all.id]));
    for (const { id } of [wide, all]) {
      for (const end of ['', '/file', '/manifest']) {
        const { status } = await ask('GET', `/exports/${id}${end}`, undefined, { as: 'scoped' });
        expect(status).toBe(404);
      }
    }
    expect((await ask('DELETE', `/exports/${own.id}`, undefined, { as: 'scoped' })).status).toBe(
      403,
    );
    expect((await ask('DELETE', `/exports/${all.id}`, undefined, { as: 'wide' })).status).toBe(404);
    expect((await ask('DELETE', `/exports/${own.id}`, undefined, { as: 'wide' })).status).toBe(200);
  });
});

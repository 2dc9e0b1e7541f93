/** Compressed exports whose Postgres is cut off at every stage: a caller never mistakes a part for the whole. */
import { get as httpGet } from 'node:http';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startApi, type RunningApi } from '../../src/api/server.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { authorization, OPTIONS, testDeps } from '../api/api-fixture.ts';
import { insertBatch } from './rows-fixture.ts';

const ROWS = 20_000;
const EXPORTS = [
  ['usage.csv?group_by=product_sku', 'text/csv'],
  ['usage?group_by=product_sku', 'text/csv'],
  ['usage?group_by=product_sku', 'application/x-ndjson'],
] as const;
const logger = pino({ level: 'silent' });
let services: IsolatedServices;
let proxy: TcpProxy;
let pool: Pool;
let api: RunningApi;

beforeAll(async () => {
  services = await isolatedServices();
  proxy = await startTcpProxy(services.databaseUrl);
  pool = createPool(proxy.url, { name: 'gzip export test', logger });
  const batchId = await insertBatch(pool, [{}]);
  await pool.query(
    `INSERT INTO pulses (tenant, product_sku, use_unity, used_amount, pulse_count, window_start, flush_batch_id)
     SELECT 'tenant', 'sku-' || md5(row::text), 'GB', 1, 1, '2026-01-31T13:00:00Z', $1
     FROM generate_series(1, $2::integer) AS row`,
    [batchId, ROWS],
  );
  api = await startApi(testDeps({ pool }), {
    ...OPTIONS,
    host: '127.0.0.1',
    port: 0,
    closeTimeoutMs: 5_000,
  });
});
beforeEach(() => {
  proxy.heal();
});
afterAll(async () => {
  await api.close();
  await pool.end();
  await proxy.close();
  await services.close();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** As it arrived, not decompressed. */
  readonly bytes: Buffer;
  /** Whether the transfer ended as HTTP says that it must. */
  readonly isWhole: boolean;
}

/** @param whenOpen Called when the first bytes of the body are here. */
const ask = (path: string, accept: string, whenOpen: () => void = () => undefined) =>
  new Promise<Answer>((resolve, reject) => {
    const headers = { ...authorization(), accept, 'accept-encoding': 'gzip' };
    const request = httpGet(`${api.url}/api/v1/${path}`, { headers, agent: false });
    request.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = [];
      const { statusCode: status = 0 } = response;
      response.once('data', whenOpen);
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => undefined);
      response.on('close', () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status, headers: response.headers, bytes, isWhole: response.complete });
      });
    });
  });

/** Cuts Postgres off when the export asks for rows the `nth` time. */
function cutAtFetch(nth: number): void {
  let count = 0;
  proxy.watch((direction, chunk) => {
    if (direction === 'request' && chunk.includes('FETCH 1000')) count += 1;
    if (count < nth) return true;
    proxy.cut();
    return false;
  });
}

function expectProblem({ status, headers, bytes, isWhole }: Answer): void {
  expect(isWhole).toBe(true);
  expect(status).toBe(503);
  expect(headers).not.toHaveProperty('content-encoding');
  expect(headers).not.toHaveProperty('content-disposition');
  expect(headers['content-type']).toContain('application/problem+json');
  expect(JSON.parse(bytes.toString())).toMatchObject({ code: 'PULSE_API_UNAVAILABLE' });
}

function expectBroken({ status, headers, bytes, isWhole }: Answer): void {
  expect(status).toBe(200);
  expect(headers['content-encoding']).toBe('gzip');
  expect(isWhole).toBe(false);
  expect(() => gunzipSync(bytes)).toThrow('unexpected end of file');
}

test.each(EXPORTS)('%s as %s arrives whole', async (path, accept) => {
  const answer = await ask(path, accept);
  expect(answer).toMatchObject({ status: 200, isWhole: true });
  expect(answer.headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(answer.bytes).toString().split('\n').length).toBeGreaterThan(ROWS);
});

test.each(EXPORTS)('%s as %s that fails before its first row is a plain problem', async (...of) => {
  cutAtFetch(1);
  expectProblem(await ask(...of));
});

test.each(EXPORTS)('%s as %s that fails midway is a broken transfer', async (...of) => {
  expectBroken(
    await ask(...of, () => {
      proxy.cut();
    }),
  );
});

test.each(EXPORTS)(
  '%s as %s that fails after its first rows is a plain problem or a broken transfer',
  async (...of) => {
    for (let round = 0; round < 20; round++) {
      proxy.heal();
      cutAtFetch(2);
      const answer = await ask(...of);
      if (answer.status === 200) expectBroken(answer);
      else expectProblem(answer);
    }
  },
);

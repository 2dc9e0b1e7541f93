/** Two ways to read the same rows: over HTTP, and with the exact statements that the API sends, through `pg` alone. */
import type { Client, Pool } from 'pg';
import { API_BASE } from '../src/http/api-base.ts';
import { findPulse, listPulses, type PulseFilters } from '../src/usage/pulses-query.ts';
import { openHttpConnection } from './http-connection.ts';

export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

export interface ApiRequest {
  readonly name: string;
  readonly path: string;
  /** Reads the same through the API's own query functions, so that their statements can be recorded. */
  readonly read: (pool: Pool) => Promise<unknown>;
  /** How often per round; less for a slow one. */
  readonly times: number;
}

const LIMIT = 10;

/** A first page, a page near the end, a row by id, and one tenant's SKU. */
export function apiRequests(rowCount: number, { deepTimes }: { deepTimes: number }): ApiRequest[] {
  const deepPage = Math.floor((rowCount * 0.95) / LIMIT);
  const id = String(Math.floor(rowCount / 2));
  const filters: PulseFilters = { scope: 'all', tenant: 'tenant-000007', sku: 'sku-0003' };
  const page = (number: number) => ({ offset: (number - 1) * LIMIT, limit: LIMIT });
  return [
    {
      name: 'page_1',
      path: `${API_BASE}/pulses`,
      read: (pool) => listPulses(pool, { scope: 'all' }, page(1)),
      times: 500,
    },
    {
      name: 'deep_page',
      path: `${API_BASE}/pulses?page=${deepPage}&limit=${LIMIT}`,
      read: (pool) => listPulses(pool, { scope: 'all' }, page(deepPage)),
      times: deepTimes,
    },
    {
      name: 'by_id',
      path: `${API_BASE}/pulses/${id}`,
      read: (pool) => findPulse(pool, 'all', id),
      times: 500,
    },
    {
      name: 'filtered',
      path: `${API_BASE}/pulses?tenant=tenant-000007&product_sku=sku-0003`,
      read: (pool) => listPulses(pool, filters, page(1)),
      times: 300,
    },
  ];
}

/** The statements that a read sends, in order, including those of its transaction. */
export async function listenToStatements(
  pool: Pool,
  read: (pool: Pool) => Promise<unknown>,
): Promise<Statement[]> {
  const heard: Statement[] = [];
  const client = await pool.connect();
  const listening = {
    query: (text: string, values?: unknown[]) => {
      heard.push({ text, values: values ?? [] });
      return client.query(text, values);
    },
    release: () => undefined,
    on: () => undefined,
    off: () => undefined,
  };
  try {
    await read({ connect: () => Promise.resolve(listening) } as unknown as Pool);
  } finally {
    client.release();
  }
  if (heard.length === 0) throw new Error('The query functions sent no statement.');
  return heard;
}

/** The header of a logged-in caller. */
export async function tokenHeader(
  origin: string,
  credentials: { username: string; password: string },
): Promise<{ readonly authorization: string }> {
  const visitor = await openHttpConnection(origin);
  const answer = await visitor.post(`${API_BASE}/login`, credentials);
  visitor.close();
  const { Auth } = JSON.parse(answer) as { Auth: { Token: string } };
  return { authorization: `Bearer ${Auth.Token}` };
}

/** Sends the statements one after the other. */
export async function replay(client: Client, statements: readonly Statement[]): Promise<void> {
  for (const { text, values } of statements) {
    if (values.length === 0) await client.query(text);
    else await client.query(text, values);
  }
}

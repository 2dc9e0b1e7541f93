/** Two ways to read the same rows: over HTTP, and with the exact statements that the API sends, through `pg` alone. */
import type { Client, Pool } from 'pg';
import { API_BASE } from '../src/http/api-base.ts';
import {
  findPulse,
  listPulses,
  listPulsesAfter,
  type PulseFilters,
} from '../src/usage/pulses-query.ts';
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
const HOUR_MS = 3_600_000;

/** Every kind of page, and a row by id. */
export function apiRequests(rowCount: number, { untilMs }: { untilMs: number }): ApiRequest[] {
  const id = String(Math.floor(rowCount / 2));
  const tenant = 'tenant-000007';
  const sku = 'sku-0003';
  const span = { fromMs: untilMs - 60 * HOUR_MS, toMs: untilMs - 10 * HOUR_MS };
  const [from, to] = [span.fromMs, span.toMs].map((ms) => new Date(ms).toISOString());
  const page = (
    name: string,
    query: Record<string, string>,
    filters: Partial<PulseFilters> = {},
  ) => {
    const number = Number(query.page ?? 1);
    return {
      name,
      path: `${API_BASE}/pulses?${new URLSearchParams(query).toString()}`,
      read: (pool: Pool) =>
        listPulses(
          pool,
          { scope: 'all', ...filters },
          { offset: (number - 1) * LIMIT, limit: LIMIT },
        ),
      times: 300,
    };
  };
  const pageAt = (share: number) => String(Math.floor((rowCount * share) / LIMIT));
  return [
    page('page_1', {}),
    page('middle_page', { page: pageAt(0.5) }),
    page('deep_page', { page: pageAt(0.95) }),
    page('of_a_span', { page: '5000', from: from ?? '', to: to ?? '' }, span),
    page('of_a_tenant', { page: '20', tenant }, { tenant }),
    page('filtered', { tenant, product_sku: sku }, { tenant, sku }),
    {
      name: 'by_cursor',
      path: `${API_BASE}/pulses?after=${id}&limit=${LIMIT}`,
      read: (pool) => listPulsesAfter(pool, { scope: 'all' }, { after: id, limit: LIMIT }),
      times: 300,
    },
    {
      name: 'by_id',
      path: `${API_BASE}/pulses/${id}`,
      read: (pool) => findPulse(pool, 'all', id),
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
    const { query } = listening;
    const { options } = pool;
    await read({ options, connect: () => Promise.resolve(listening), query } as unknown as Pool);
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

/** The two ways to the same rows: over HTTP, and by the very statements that the API sends, through `pg` alone. */
import { Agent, request } from 'node:http';
import type { Client, Pool } from 'pg';
import { findPulse, listPulses, type PulseFilters } from '../src/api/pulses-query.ts';

/** One statement as the API sends it. */
export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

/** One kind of request. */
export interface ApiRequest {
  readonly name: string;
  readonly path: string;
  /** Reads the same through the API's own query functions, so that their statements can be listened to. */
  readonly read: (pool: Pool) => Promise<unknown>;
  /** How often in a round; a slow one less. */
  readonly times: number;
}

const LIMIT = 10;

/** A first page, a page near the end, a row by id, and one tenant's SKU. */
export function apiRequests(rowCount: number, { deepTimes }: { deepTimes: number }): ApiRequest[] {
  const deepPage = Math.floor((rowCount * 0.95) / LIMIT);
  const id = String(Math.floor(rowCount / 2));
  const filters: PulseFilters = { tenant: 'tenant-000007', sku: 'sku-0003' };
  const page = (number: number) => ({ offset: (number - 1) * LIMIT, limit: LIMIT });
  return [
    {
      name: 'page_1',
      path: '/pulses',
      read: (pool) => listPulses(pool, {}, page(1)),
      times: 500,
    },
    {
      name: 'deep_page',
      path: `/pulses?page=${deepPage}&limit=${LIMIT}`,
      read: (pool) => listPulses(pool, {}, page(deepPage)),
      times: deepTimes,
    },
    {
      name: 'by_id',
      path: `/pulses/${id}`,
      read: (pool) => findPulse(pool, id),
      times: 500,
    },
    {
      name: 'filtered',
      path: '/pulses?tenant=tenant-000007&product_sku=sku-0003',
      read: (pool) => listPulses(pool, filters, page(1)),
      times: 300,
    },
  ];
}

/** The statements that a read sends, in order, those of its transaction included. */
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
  if (heard.length === 0) throw new Error('The query functions sent nothing that was heard.');
  return heard;
}

export interface HttpClient {
  /** @returns The answer's body. @throws Error when the status is not 200. */
  get(path: string): Promise<string>;
  close(): void;
}

/** Logs in, and keeps one connection. */
export async function openHttpClient(
  base: string,
  login: { username: string; password: string },
): Promise<HttpClient> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const answer = await send(`${base}/login`, { agent, method: 'POST' }, JSON.stringify(login));
  const { Auth } = JSON.parse(answer) as { Auth: { Token: string } };
  const headers = { authorization: `Bearer ${Auth.Token}` };
  return {
    get: (path) => send(`${base}${path}`, { agent, method: 'GET', headers }),
    close: () => {
      agent.destroy();
    },
  };
}

function send(
  url: string,
  options: { agent: Agent; method: string; headers?: Record<string, string> },
  body?: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request(
      url,
      { ...options, headers: { ...options.headers, ...type } },
      (res) => {
        let text = '';
        res.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        res.on('end', () => {
          if (res.statusCode === 200) resolve(text);
          else
            reject(
              new Error(`${options.method} ${url} answered ${String(res.statusCode)}: ${text}`),
            );
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Sends the statements one after the other. */
export async function replay(client: Client, statements: readonly Statement[]): Promise<void> {
  for (const { text, values } of statements) {
    if (values.length === 0) await client.query(text);
    else await client.query(text, values);
  }
}

/** The demo's client of the API: logs in and reads every row, page by page, as any user would. */
import { FatalError } from '../core/errors.ts';
import type { AnsweredRow } from './demo-ledger.ts';

const PAGE_LIMIT = 1_000;

/**
 * Reads all rows of `GET /pulses`.
 *
 * @param options.api Base URL without a path.
 * @throws FatalError PULSE_DEMO_FAILED when the API does not answer with 200.
 */
export async function* readAllRows(options: {
  api: string;
  username: string;
  password: string;
}): AsyncGenerator<AnsweredRow> {
  const { api, username, password } = options;
  const login = await request<{ Auth: { Token: string } }>(`${api}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });
  const headers = { authorization: `Bearer ${login.Auth.Token}` };
  for (let page = 1; ; page++) {
    const url = `${api}/api/v1/pulses?page=${page}&limit=${PAGE_LIMIT}`;
    const { data } = await request<{ data: AnsweredRow[] }>(url, { headers });
    yield* data;
    if (data.length < PAGE_LIMIT) return;
  }
}

async function request<T>(url: string, init: RequestInit): Promise<T> {
  const response = await fetch(url, init);
  if (!response.ok) {
    throw new FatalError(
      'PULSE_DEMO_FAILED',
      `${init.method ?? 'GET'} ${url} answered ${response.status}: ${await response.text()}`,
    );
  }
  return (await response.json()) as T;
}

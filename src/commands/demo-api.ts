/** The demo's client of the API, as any user would write it. */
import { FatalError } from '../core/errors.ts';
import type { AnsweredRow } from './demo-ledger.ts';

const PAGE_LIMIT = 1_000;

/** @throws FatalError PULSE_DEMO_FAILED when the API answers with an error. */
export type DemoApi = <Answer>(method: string, path: string, body?: object) => Promise<Answer>;

/** @param login.api Base URL without a path. */
export async function logInToDemo(login: {
  readonly api: string;
  readonly username: string;
  readonly password: string;
}): Promise<DemoApi> {
  const { api, username, password } = login;
  const base = `${api}/api/v1`;
  const { Auth } = await request<{ Auth: { Token: string } }>(`${base}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });
  const authorization = `Bearer ${Auth.Token}`;
  return (method, path, body) =>
    request(`${base}${path}`, {
      method,
      headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
}

/** Reads all rows of `GET /pulses`. */
export async function* readAllRows(api: DemoApi): AsyncGenerator<AnsweredRow> {
  for (let page = 1; ; page++) {
    const path = `/pulses?page=${page}&limit=${PAGE_LIMIT}`;
    const { data } = await api<{ data: AnsweredRow[] }>('GET', path);
    yield* data;
    if (data.length < PAGE_LIMIT) return;
  }
}

async function request<Answer>(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  if (!response.ok) {
    throw new FatalError(
      'PULSE_DEMO_FAILED',
      `${init.method ?? 'GET'} ${url} answered ${response.status}: ${await response.text()}`,
    );
  }
  return (await response.json()) as Answer;
}

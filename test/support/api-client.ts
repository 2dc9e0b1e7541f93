/** A user of the HTTP API who knows only its documentation. */

export interface ApiRow {
  readonly id: string;
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  readonly used_amount: string;
  readonly pulse_count: number;
  readonly window_start: string;
  readonly flush_batch_id: string;
  readonly flushed_at: string;
}

export interface ApiAnswer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface ApiClient {
  request<T>(path: string, init?: RequestInit): Promise<ApiAnswer<T>>;
  post<T>(path: string, body: unknown): Promise<ApiAnswer<T>>;
  /** All rows of `GET /pulses?<query>`: follows `Link: rel="next"` from page to page. */
  rows(query?: Readonly<Record<string, string>>): Promise<ApiRow[]>;
}

const BASE_PATH = '/api/v1';

/** Logs in. Paths are then relative to the base path of the API. */
export async function loginToApi(options: {
  api: string;
  username: string;
  password: string;
}): Promise<ApiClient> {
  const { api, ...credentials } = options;
  let token = '';
  const send = async <T>(target: string, init: RequestInit = {}): Promise<ApiAnswer<T>> => {
    const headers = new Headers(init.headers);
    if (token !== '') headers.set('authorization', `Bearer ${token}`);
    const response = await fetch(new URL(target, api), { ...init, headers });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as T,
    };
  };
  const post = <T>(path: string, body: unknown): Promise<ApiAnswer<T>> =>
    send<T>(BASE_PATH + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const login = await post<{ Auth: { Token: string } }>('/login', credentials);
  if (login.status !== 200) throw new Error(`login: ${JSON.stringify(login)}`);
  token = login.body.Auth.Token;
  return {
    request: (path, init) => send(BASE_PATH + path, init),
    post,
    async rows(query = {}) {
      const rows: ApiRow[] = [];
      let target: string | undefined =
        `${BASE_PATH}/pulses?${new URLSearchParams(query).toString()}`;
      while (target !== undefined) {
        const answer: ApiAnswer<{ data: ApiRow[] }> = await send(target);
        if (answer.status !== 200) throw new Error(`${target}: ${JSON.stringify(answer.body)}`);
        rows.push(...answer.body.data);
        target = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
      }
      return rows;
    },
  };
}

/** The API of endpoints and deliveries, with a real Postgres and real receivers behind. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import {
  authorization,
  createTestApp,
  fakeIdentities,
  forgeToken,
  type LogLines,
  type TestDeps,
} from '../api/api-fixture.ts';
import { createDeliveryFixture, type DeliveryFixture } from './delivery-fixture.ts';
import type { Receiver } from './receiver.ts';

export interface Asked {
  /** A user: `alice` sees all tenants; another name is that of the only tenant. */
  readonly as?: string;
  readonly via?: Api;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Method = 'POST' | 'PUT' | 'GET' | 'DELETE';

export interface DeliveryApi extends DeliveryFixture {
  readonly app: Api;
  readonly lines: LogLines;
  /** Another API on the same tables. */
  openApp(
    delivery: Partial<TestDeps['delivery']>,
    options?: Parameters<typeof createTestApp>[1],
  ): Promise<Api>;
  ask(
    method: Method,
    path: string,
    body?: object,
    asked?: Asked,
  ): Promise<{
    readonly status: number;
    readonly headers: Readonly<Record<string, unknown>>;
    readonly body: Readonly<Record<string, unknown>>;
  }>;
}

/** Registers the hooks of a test file; what it returns is filled in before the first test. */
export function useDeliveryApi(): DeliveryApi {
  const api = {} as DeliveryApi;
  const apps: Api[] = [];
  beforeAll(async () => {
    const fixture = await createDeliveryFixture();
    const { pool, secretBox, guard, webhooks } = fixture;
    // Each user of a test is called as their tenant.
    const identities = {
      ...fakeIdentities(),
      findUser: (name: string) =>
        Promise.resolve({
          caller: {
            kind: 'user' as const,
            name,
            role: 'operator' as const,
            tenants: name === 'alice' ? ('all' as const) : [name],
          },
          tokenVersion: 1,
        }),
    };
    const open = async (...[delivery, options]: Parameters<DeliveryApi['openApp']>) => {
      const all = { secretBox, guard, sender: webhooks, ...delivery };
      const opened = await createTestApp({ pool, identities, delivery: all }, options);
      apps.push(opened.app);
      return opened;
    };
    const { app, lines } = await open({});
    Object.assign(api, fixture, {
      app,
      lines,
      openApp: async (...args: Parameters<DeliveryApi['openApp']>) => (await open(...args)).app,
      ask: async (
        method: Method,
        path: string,
        body?: object,
        { as = 'alice', via = app, headers = {} }: Asked = {},
      ) => {
        const response = await via.inject({
          method,
          url: `/api/v1${path}`,
          headers: { ...authorization(forgeToken({ claims: { sub: as } })), ...headers },
          ...(body === undefined ? {} : { payload: body }),
        });
        const text = response.body;
        return {
          status: response.statusCode,
          headers: response.headers,
          body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
        };
      },
    });
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await api.close();
  });
  return api;
}

export interface NewEndpoint {
  readonly client?: string;
  readonly types?: string[];
}

/** The receiver verifies its secret. Without a client, of a new one. */
export async function createTestEndpoint(
  api: DeliveryApi,
  receiver: Receiver,
  more: NewEndpoint = {},
) {
  const id = `endpoint-${randomUUID()}`;
  const client = more.client ?? (await api.makeClient());
  const body = { url: receiver.url, ...more, client };
  const answer = await api.ask('PUT', `/endpoints/${id}`, body);
  expect(answer.status).toBe(201);
  const secret = String(answer.body.secret);
  receiver.secrets.push(secret);
  return { id, client, secret, path: `/endpoints/${id}` };
}

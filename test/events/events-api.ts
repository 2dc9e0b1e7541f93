/** The API on the tables of events, and how tests ask it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { authorization, createTestApp, fakeIdentities, forgeToken } from '../api/api-fixture.ts';
import type { EventsFixture } from './events-fixture.ts';

interface Asked {
  /** `scoped` is an operator of the tenant `acme`; everybody else is an administrator. */
  readonly as?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Registers the hooks of a test file. There are customers `of-acme`, `of-other` and `of-none`. */
export function useEventsApi(fixture: EventsFixture) {
  let app: Api;
  beforeAll(async () => {
    const identities = fakeIdentities({ scoped: { role: 'operator', tenants: ['acme'] } });
    ({ app } = await createTestApp({ pool: fixture.pool, identities }));
    await fixture.pool.query(
      `INSERT INTO customers (id, name, tenant)
       VALUES ('of-acme', 'Acme', 'acme'), ('of-other', 'Other', 'other'), ('of-none', 'None', NULL)`,
    );
  });
  afterAll(() => app.close());

  return async (
    method: 'POST' | 'PUT' | 'GET',
    path: string,
    body?: object | string,
    { as = 'alice', headers = {} }: Asked = {},
  ) => {
    const response = await app.inject({
      method,
      url: `/api/v1${path}`,
      headers: { ...authorization(forgeToken({ claims: { sub: as } })), ...headers },
      ...(body === undefined ? {} : { payload: body }),
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      text: response.body,
      body: response.json<Record<string, unknown>>(),
    };
  };
}

/** A new event that its type allows. */
export const eventOf = (
  names: { client: string; producer: string; type: string },
  more: object = {},
) => ({
  id: randomUUID(),
  ...names,
  data: { size: 1 },
  ...more,
});

/** The API of dead letters on the servers of a fixture. */
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { authorization, createTestApp, fakeIdentities, forgeToken } from '../api/api-fixture.ts';
import type { QuarantineFixture } from './quarantine-fixture.ts';

export const BASE = '/api/v1/dead-letters';

interface Asked {
  readonly body?: object | undefined;
  /** Default: `alice`, who sees all tenants. `acme` and `globex` are operators of the tenant of that name. */
  readonly sub?: string;
}

/** Registers the hooks of a test file. */
export function useQuarantineApi(fixture: QuarantineFixture) {
  let app: Api;
  beforeAll(async () => {
    const identities = fakeIdentities({
      acme: { role: 'operator', tenants: ['acme'] },
      globex: { role: 'operator', tenants: ['globex'] },
    });
    ({ app } = await createTestApp({ pool: fixture.pool, replay: fixture.replay, identities }));
  });
  afterAll(() => app.close());
  return {
    listen: () => app.listen({ host: '127.0.0.1', port: 0 }),
    ask(
      method: NonNullable<InjectOptions['method']>,
      path: string,
      { body, sub = 'alice' }: Asked = {},
    ) {
      const payload = body === undefined ? {} : { payload: body };
      const headers = authorization(forgeToken({ claims: { sub } }));
      return app.inject({ method, url: BASE + path, headers, ...payload });
    },
  };
}

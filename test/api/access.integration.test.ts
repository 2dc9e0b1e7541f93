import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAccessFixture, type AccessFixture, type ScopeName } from './access-fixture.ts';
import { ACCESS_MATRIX } from './access-matrix.ts';
import { OWN_TENANT, type MatrixRow } from './access-matrix-row.ts';

let fixture: AccessFixture;
/** Every registered route, with its row. */
let routes: { method: string; url: string; row: MatrixRow | undefined }[];

beforeAll(async () => {
  fixture = await createAccessFixture();
  routes = fixture.app.routeTable.map(({ method, url }) => ({
    method,
    url,
    row: rowOf(method, url),
  }));
});

afterAll(() => fixture.close());

/** A plugin also registers its page with a slash at the end, and lists the HEAD only in that form. */
function rowOf(method: string, url: string): MatrixRow | undefined {
  return ACCESS_MATRIX[`${method === 'HEAD' ? 'GET' : method} ${url.replace(/(?<=.)\/$/, '')}`];
}

/** The routes that are not public. */
function closedRoutes() {
  return routes.flatMap(({ method, url, row }) =>
    row === undefined || row.public === true ? [] : [{ name: `${method} ${url}`, method, row }],
  );
}

async function call(
  { method, row }: { method: string; row: Exclude<MatrixRow, { public: true }> },
  authorization: string | undefined,
) {
  const res = await fixture.app.inject({
    ...(await row.request(fixture.world)),
    method: method as NonNullable<InjectOptions['method']>,
    headers: authorization === undefined ? {} : { authorization },
  });
  return { status: res.statusCode, text: res.body, headers: res.headers };
}

/** How many rows of `OWN_TENANT` are still unchanged. */
async function untouchedCount(): Promise<number> {
  const { rowCount } = await fixture.pool.query(
    `SELECT FROM dead_letters
     WHERE tenant = $1 AND state = 'quarantined' AND fixed_body IS NULL AND replay_id IS NULL`,
    [OWN_TENANT],
  );
  return rowCount!;
}

describe('the matrix', () => {
  test('has a row for every route and a route for every row', () => {
    const registered = routes.filter(({ method }) => method !== 'HEAD');
    const names = registered.map(({ method, url }) => `${method} ${url}`);
    expect(names.sort()).toEqual(Object.keys(ACCESS_MATRIX).sort());
  });

  test('agrees with the routes about who may call', () => {
    for (const { method, url, config } of fixture.app.routeTable) {
      const row = rowOf(method, url);
      const said = row?.public === true ? undefined : row?.roles;
      expect(config.roles, `${method} ${url}`).toEqual(said);
      expect(config.public, `${method} ${url}`).toBe(row?.public);
    }
  });
});

test('invalid callers are refused everywhere', async () => {
  for (const [caller, authorization] of Object.entries(fixture.bad)) {
    for (const route of closedRoutes()) {
      const { status, headers } = await call(route, authorization);
      expect(status, `${route.name}: ${caller}`).toBe(401);
      expect(headers['www-authenticate']).toMatch(/^Bearer realm="pulse"/);
    }
  }
});

describe.each(['user', 'key'] as const)('a %s', (kind) => {
  const callers = (scope: ScopeName) =>
    fixture.good.filter((caller) => caller.kind === kind && caller.scope === scope);

  test('of each role may call only what the matrix allows', async () => {
    for (const { role, authorization } of callers('all')) {
      for (const route of closedRoutes()) {
        const { status } = await call(route, authorization);
        const name = `${route.name}: ${role}`;
        if (route.row.roles.includes(role)) expect([401, 403, 404], name).not.toContain(status);
        else expect(status, name).toBe(403);
      }
    }
  });

  test('of another tenant sees and changes nothing', async () => {
    for (const { role, authorization } of callers('other')) {
      for (const route of closedRoutes()) {
        const isAllowed = route.row.roles.includes(role);
        const made = await untouchedCount();
        const { status, text } = await call(route, authorization);
        const name = `${route.name}: ${role} of another tenant`;
        expect(status, name).toBe(isAllowed ? route.row.strangers : 403);
        expect(text, name).not.toContain(OWN_TENANT);
        expect(await untouchedCount(), name).toBeGreaterThanOrEqual(made);
      }
    }
  });

  test('of the tenant sees its data, where the route returns any', async () => {
    for (const { role, authorization } of callers('own')) {
      for (const route of closedRoutes().filter(({ method }) => method !== 'HEAD')) {
        if (!route.row.roles.includes(role) || route.row.shows !== true) continue;
        const { status, text } = await call(route, authorization);
        expect(status, route.name).toBe(200);
        expect(text, route.name).toContain(OWN_TENANT);
      }
    }
  });
});

test('public routes answer every caller, whatever the header says', async () => {
  for (const { method, url, row } of routes) {
    if (row?.public !== true) continue;
    for (const authorization of Object.values(fixture.bad)) {
      const res = await fixture.app.inject({
        method: method as NonNullable<InjectOptions['method']>,
        url,
        headers: authorization === undefined ? {} : { authorization },
      });
      expect([401, 403], `${method} ${url}`).not.toContain(res.statusCode);
    }
  }
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createApp } from '../../src/api/app.ts';
import {
  defineProblems,
  problemBody,
  ProblemError,
  type ProblemKind,
} from '../../src/http/problems.ts';
import { createTestApp, OPTIONS, testDeps } from './api-fixture.ts';

/** The page that documents the catalogue. */
const PAGE = 'docs/api.md';

interface Kind {
  readonly type: string;
  readonly code: string;
  readonly status: number;
  readonly title: string;
}

test('every kind of problem has its page and its line in the documentation', async () => {
  const { app } = await createTestApp();
  const all = (await app.inject({ url: '/api/v1/problems' })).json<{ data: Kind[] }>().data;
  const page = readFileSync(PAGE, 'utf8').replaceAll(/\s+/g, ' ');
  for (const kind of all) {
    expect((await app.inject({ url: kind.type })).json()).toEqual(kind);
    expect(page).toContain(`- \`${kind.code}\` (${kind.status}): ${kind.title} `);
  }
  const named = page.match(/PULSE_API_[A-Z_]+/g) ?? [];
  expect(new Set(named)).toEqual(new Set(all.map(({ code }) => code)));
  await app.close();
});

test('the detail of no problem repeats its title', async () => {
  const { app } = await createTestApp();
  const all = (await app.inject({ url: '/api/v1/problems' })).json<{ data: ProblemKind[] }>().data;
  for (const kind of all) {
    const body = problemBody(new ProblemError(kind), { requestId: '', url: '/' });
    expect(body.detail, kind.code).toMatch(/\.$/);
    expect(body.detail, kind.code).not.toContain(kind.title);
  }
  await app.close();
});

test('404 for an unknown kind, and 400 for a name that is too long', async () => {
  const { app } = await createTestApp();
  const statusOf = async (name: string) =>
    (await app.inject({ url: `/api/v1/problems/${name}` })).statusCode;
  expect(await statusOf('constructor')).toBe(404);
  expect(await statusOf('PULSE_API_NOT_FOUND')).toBe(404);
  expect(await statusOf('x'.repeat(65))).toBe(400);
  await app.close();
});

test('the API does not start if two modules define the same problem', async () => {
  const one = { tag: { name: 'one', description: '' }, addRoutes: () => undefined };
  const problems = defineProblems({ PULSE_API_TWICE: { status: 409, title: 'Defined twice.' } });
  const deps = testDeps();
  const started = createApp(
    { ...deps, modules: [...deps.modules, { ...one, problems }, { ...one, problems }] },
    OPTIONS,
  );
  await expect(started).rejects.toThrow('Two modules define the problem PULSE_API_TWICE.');
});

import { Type } from 'typebox';
import { afterEach, expect, test } from 'vitest';
import { createApp } from '../../src/api/app.ts';
import type { Api, ApiModule } from '../../src/http/api-module.ts';
import { OPTIONS, testDeps } from '../api/api-fixture.ts';

interface Problem {
  readonly detail: string;
  readonly errors: readonly { field: string; message: string }[];
}

const MODULE: ApiModule = {
  tag: { name: 'test', description: 'For this test.' },
  problems: {},
  addRoutes(api) {
    const schema = {
      body: Type.Object(
        {
          used_amount: Type.String(),
          state: Type.Optional(Type.Enum(['open', 'closed'])),
          id: Type.Optional(Type.String({ format: 'uuid' })),
        },
        { additionalProperties: false },
      ),
    };
    const options = { schema, config: { public: true }, bodyLimit: 8 * 1024 * 1024 } as const;
    api.post('/test', options, () => ({}));
  },
};

let app: Api | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function post(body: object) {
  app = await createApp({ ...testDeps(), modules: [MODULE] }, OPTIONS);
  const res = await app.inject({ method: 'POST', url: '/api/v1/test', payload: body });
  return { status: res.statusCode, problem: res.json<Problem>(), bytes: res.body.length };
}

const unknown = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`unknown${index}`, 1]));

test('in a usual body every mistake is named, with the values and names that were meant', async () => {
  const { status, problem } = await post({ useAmount: '1', state: 'opened' });
  expect(status).toBe(400);
  expect(problem.errors).toEqual([
    { field: 'used_amount', message: 'is required' },
    { field: 'useAmount', message: 'is not a known field; did you mean used_amount?' },
    { field: 'state', message: 'must be one of open, closed' },
  ]);
});

test('in a body with many mistakes, twenty are named', async () => {
  const { problem } = await post({ used_amount: '1', ...unknown(1_000) });
  expect(problem.errors).toHaveLength(20);
});

test('in a large body only the first mistake is named', async () => {
  const { status, problem } = await post({ used_amount: '1', ...unknown(10_000) });
  expect(status).toBe(400);
  expect(problem.errors).toEqual([{ field: 'unknown0', message: 'is not a known field' }]);
});

test('a large body without mistakes is accepted', async () => {
  expect((await post({ used_amount: '1'.repeat(1_000_000) })).status).toBe(200);
});

test('a name as long as the body is not repeated in the answer', async () => {
  const { status, bytes } = await post({ used_amount: '1', ['x'.repeat(1_000_000)]: 1 });
  expect(status).toBe(400);
  expect(bytes).toBeLessThan(1_000);
});

test('a UUID has no prefix: whatever reads it next would refuse it', async () => {
  const id = '6c1de0a2-94f3-4f6c-9c3b-5f1a2b7e8d90';
  expect(await post({ used_amount: '1', id: id.toUpperCase() })).toMatchObject({ status: 200 });
  await app?.close();
  const { status, problem } = await post({ used_amount: '1', id: `urn:uuid:${id}` });
  expect(status).toBe(400);
  expect(problem.errors).toEqual([
    { field: 'id', message: 'must be a UUID such as 6c1de0a2-94f3-4f6c-9c3b-5f1a2b7e8d90' },
  ]);
});

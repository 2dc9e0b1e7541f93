import { afterEach, expect, test, vi } from 'vitest';
import { readData } from '../../src/workflows/workflow-data.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function read(json: string) {
  const bodyText = `{"data": ${json}, "steps": ["one"]}`;
  return readData(bodyText, JSON.parse(bodyText) as { data: unknown });
}

test('keeps numbers as they were written, and drops spaces', async () => {
  expect(await read('{"a": 1.10, "b": [1e2, -0], "c": "1.10 \\"\\\\"}')).toEqual({
    ok: true,
    text: '{"a":1.10,"b":[1e2,-0],"c":"1.10 \\"\\\\"}',
  });
});

test.each([
  ['a text', '{"a": ["x\\u0000"]}', 'data.a.0', 'must not contain U+0000 or half a character'],
  ['a name', '{"a": {"\\u0000": 1}}', 'data.a', 'must not contain U+0000 or half a character'],
  ['half a character', '"\\ud800"', 'data', 'must not contain U+0000 or half a character'],
  ['an exponent', '{"a": 1e309}', 'data.a', 'must be a number with an exponent of at most 308'],
  ['a small one', '[1E-309]', 'data.0', 'must be a number with an exponent of at most 308'],
  ['digits', '1'.repeat(401), 'data', 'must be a number of at most 400 characters'],
  ['two values of a column', '{"a.b": 1, "a": {"b": 2}}', 'data', 'has the column "a.b" twice'],
])('refuses %s', async (_, json, field, message) => {
  expect(await read(json)).toEqual({ ok: false, fault: { field, message } });
});

test('takes an exponent of 308 and 400 digits', async () => {
  expect(await read(`[1e308, -1e-308, ${'1'.repeat(400)}]`)).toMatchObject({ ok: true });
});

test('takes 100 levels, and refuses more, however many', async () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  expect(await read(nested(100))).toMatchObject({ ok: true });
  expect(await read(`${'['.repeat(100)}1${']'.repeat(100)}`)).toMatchObject({ ok: true });
  for (const depth of [101, 100_000]) {
    expect(await read(nested(depth))).toMatchObject({
      ok: false,
      fault: { message: 'nests more than 100 levels deep' },
    });
  }
});

test('other work has its turn while much data is read', async () => {
  let nowMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += 30));
  const waits = vi.spyOn(globalThis, 'setImmediate');
  const rows = Array.from({ length: 1_000 }, (_, a) => ({ a }));
  expect(await read(JSON.stringify(rows))).toEqual({ ok: true, text: JSON.stringify(rows) });
  // Two walks through 2,001 values, and 1,000 cells.
  expect(waits.mock.calls).toHaveLength(20 + 20 + 10);
});

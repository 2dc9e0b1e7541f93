import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prettyJson } from '../../web/src/parts/pretty-json.ts';

test('every value is laid out as JSON.stringify does', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(prettyJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
    }),
  );
});

test('no digit and no escape of a text is changed', () => {
  expect(prettyJson('{"a":1.500000000000000000001,"b":"\\u0041\\"{,"}')).toBe(
    '{\n  "a": 1.500000000000000000001,\n  "b": "\\u0041\\"{,"\n}',
  );
});

test('what is not JSON has no layout', () => {
  expect(prettyJson('{"a":')).toBeUndefined();
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prettyJson, prettyMember } from '../../web/src/parts/pretty-json.ts';

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

test('a member of an object is laid out alone, with every digit', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (value, other) => {
      for (const object of [
        { a: other, data: value },
        { data: value, b: other },
        { data: value },
      ]) {
        expect(prettyMember(JSON.stringify(object), 'data')).toBe(JSON.stringify(value, null, 2));
      }
    }),
  );
  expect(prettyMember('{"other":{"data":1},"data":{"n":1.50}}', 'data')).toBe('{\n  "n": 1.50\n}');
  expect(prettyMember('{"other":{"data":1}}', 'data')).toBe('');
});

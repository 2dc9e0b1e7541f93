import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findJsonPlaces } from '../../src/catalog/json-places.ts';

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
/** In words, not as the library's code. */
const REASON = expect.stringMatching(/^is not JSON: (?!\w*[a-z][A-Z])/) as string;
const isAccepted = (text: string): boolean => !('message' in findJsonPlaces(text));

describe('the walk through a JSON text', () => {
  test('accepts what JSON.parse accepts', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 2), (text, space) => {
        expect(isAccepted(JSON.stringify(JSON.parse(text), null, space))).toBe(true);
      }),
    );
  });

  test('refuses what JSON.parse refuses', () => {
    const piece = fc.constantFrom(
      ...['{', '}', '[', ']', ',', ':', '"', '"a"', '\\', '\\u00e9', ' ', '\n', '\t', '\u00a0'],
      ...['0', '-', '1.5', '.', '1e3', 'e', 'true', 'null', 'nul', 'x'],
    );
    const text = fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, (one) => {
        expect(isAccepted(one)).toBe(isJson(one));
        if (!isJson(one)) expect(findJsonPlaces(one)).toMatchObject({ message: REASON });
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([
    ['', 1, 'the file ends where a value must be'],
    ['{\n"a": nul}', 2, 'neither a number, true, false, null nor a text in double quotes: nul'],
    ['{"a": 1,\n}', 2, 'found } where a name in double quotes must be'],
    ['{"a"\r\n\n1}', 3, 'found 1 where : must be'],
    ['[1\n"b"]', 2, 'found "b" where a comma or a closing bracket must be'],
    ['{"a":1\n', 2, 'the file ends where } must be'],
    ['[1\n\n', 3, 'the file ends where ] must be'],
    [
      '{}\n"a text that is longer than thirty"',
      2,
      'found "a text that is longer than th… where the end must be',
    ],
    ['[\n1 // one\n]', 2, 'comments are not allowed: // one'],
    ['["a",\n"b\n]', 2, 'a text has no closing " in its line: "b'],
    ['[\n1.]', 2, 'a number breaks off: 1.'],
    ['[\n"\\u00g0"]', 2, 'a text has a \\u without four hexadecimal digits: "\\u00g0"'],
    ['[\n"\\x"]', 2, 'a text has an unknown escape: "\\x"'],
    ['[\n"\t"]', 2, 'a text has a tab or another control character: "\t"'],
    [`[${'[], {},'.repeat(1_000)}\n]`, 2, 'found ] where a value must be'],
    ['\n['.repeat(100_000), 502, 'the mistake is inside more than 500 open brackets'],
  ])('says where a text is not JSON, and why: %#', (text, line, reason) => {
    expect(findJsonPlaces(text)).toEqual({ line, message: `is not JSON: ${reason}` });
  });

  test('goes as deep as the text', () => {
    const deep = 1_000_000;
    expect(isAccepted('['.repeat(deep) + ']'.repeat(deep))).toBe(true);
    expect(isAccepted('{"a":'.repeat(deep))).toBe(false);
  });
});

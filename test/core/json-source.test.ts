import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elementSources, memberSource } from '../../src/core/json-source.ts';

const arbitrarySpace = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 });
const arbitraryNumber = fc.oneof(
  fc.stringMatching(/^-?(0|[1-9]\d{0,19})(\.\d{1,20})?([eE][+-]?\d{1,3})?$/),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
);
/** JSON texts of strings, with optional and necessary escapes. */
const arbitraryStringText = fc
  .array(
    fc.oneof(
      fc.constantFrom('\\"', '\\\\', '\\/', '\\n', '\\u0000', '\\ud83d', '\\u00e9', '[', ']', '{'),
      fc.constantFrom('}', ',', ':', ' ', '😀', '\u007f', '\u2028'),
      fc
        .string({ unit: 'grapheme', maxLength: 2 })
        .map((text) => JSON.stringify(text).slice(1, -1)),
    ),
    { maxLength: 6 },
  )
  .map((pieces) => `"${pieces.join('')}"`);

/** Any JSON text, with white space wherever the grammar allows it, except at its ends. */
const { value: arbitraryJson } = fc.letrec<{ value: string; array: string; object: string }>(
  (tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('null', 'true', 'false', '0', '[]', '{}', '""'),
      arbitraryNumber,
      arbitraryStringText,
      tie('array'),
      tie('object'),
    ),
    array: fc
      .array(fc.tuple(arbitrarySpace, tie('value'), arbitrarySpace), { maxLength: 4 })
      .map((elements) => `[${elements.map((parts) => parts.join('')).join(',')}]`),
    object: fc
      .array(
        fc.tuple(
          arbitrarySpace,
          arbitraryStringText,
          arbitrarySpace,
          arbitrarySpace,
          tie('value'),
          arbitrarySpace,
        ),
        { maxLength: 4 },
      )
      .map(
        (members) =>
          `{${members.map(([a, name, b, c, value, d]) => `${a}${name}${b}:${c}${value}${d}`).join(',')}}`,
      ),
  }),
);

const spaced = (text: fc.Arbitrary<string>) =>
  fc.tuple(arbitrarySpace, text, arbitrarySpace).map((parts) => parts.join(''));

describe('elementSources', () => {
  test('returns each element of any array exactly as it was sent', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(arbitrarySpace, arbitraryJson, arbitrarySpace), { maxLength: 6 }),
        arbitrarySpace,
        (elements, edge) => {
          const text = `${edge}[${elements.map((parts) => parts.join('')).join(',')}]${edge}`;
          const values = JSON.parse(text) as unknown[];
          const sources = elementSources(text);
          expect(sources).toEqual(elements.map(([, source]) => source));
          expect(sources.map((source) => JSON.parse(source) as unknown)).toEqual(values);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ['[]', []],
    [' [ ] ', []],
    ['[1]', ['1']],
    ['[ 1 ,\n2\t]', ['1', '2']],
    ['["a,b]","\\"]",{"x":"}"}]', ['"a,b]"', '"\\"]"', '{"x":"}"}']],
    ['["\\\\",[1,[2]]]', ['"\\\\"', '[1,[2]]']],
    ['[-1.5e+3,null,true]', ['-1.5e+3', 'null', 'true']],
  ])('%s has the elements %j', (text, sources) => {
    expect(elementSources(text)).toEqual(sources);
  });

  test('a deep element and a long array are read without recursion', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(elementSources(`[${deep},1]`)).toEqual([deep, '1']);
    expect(elementSources(`[${'0,'.repeat(200_000)}1]`)).toHaveLength(200_001);
  });
});

describe('memberSource', () => {
  test('returns the text whose value JSON.parse returns, for every member of any object', () => {
    const arbitraryObject = arbitraryJson.filter((text) => text.startsWith('{'));
    fc.assert(
      fc.property(spaced(arbitraryObject), (text) => {
        const object = JSON.parse(text) as Record<string, unknown>;
        for (const name of Object.keys(object)) {
          const source = memberSource(text, name);
          expect(JSON.parse(source ?? 'missing')).toEqual(object[name]);
        }
        if (!Object.hasOwn(object, 'used_amount')) {
          expect(memberSource(text, 'used_amount')).toBeUndefined();
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ['{"a":1,"a":2}', '2'],
    ['{"a":1,"\\u0061":1e0}', '1e0'],
    ['{"b":{"a":1}}', undefined],
    ['{"b":"\\"a\\":1","a" : 2.50 }', '2.50'],
    ['{}', undefined],
    [' { } ', undefined],
    ['', undefined],
  ])('of %s the member a is %s', (text, source) => {
    expect(memberSource(text, 'a')).toBe(source);
  });
});

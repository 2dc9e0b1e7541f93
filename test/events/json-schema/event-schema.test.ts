import { describe, expect, test } from 'vitest';
import {
  checkEventSchema,
  compileEventSchema,
} from '../../../src/events/json-schema/event-schema.ts';
import { accepts, DRAFT, json, named, nest, ORDER, times } from './order-schema.ts';

const refusal = (schema: unknown) => {
  const result = checkEventSchema(schema);
  return result.ok ? undefined : result;
};

describe('a schema', () => {
  test('of the draft 2020-12 with local references is accepted', () => {
    expect(checkEventSchema(ORDER)).toEqual({ ok: true });
    expect(checkEventSchema({})).toEqual({ ok: true });
    expect(
      checkEventSchema({ $schema: `${DRAFT}#`, $ref: '#/$defs/a%20b', $defs: { 'a b': true } }),
    ).toEqual({
      ok: true,
    });
  });

  test.each<[string, unknown, string, string]>([
    ['that is no object', true, '', 'must be a JSON object'],
    ['of another draft', { $schema: 'http://json-schema.org/draft-07/schema#' }, '/$schema', DRAFT],
    ['with a draft below the root', { not: { $schema: DRAFT } }, '/not/$schema', 'Only the root'],
    ['with $id', { $id: 'https://x.example/a' }, '/$id', '$defs'],
    ['with $anchor', { items: { $anchor: 'a' } }, '/items/$anchor', '$defs'],
    ['with $dynamicRef', { $dynamicRef: '#a' }, '/$dynamicRef', '$ref'],
    ['with $dynamicAnchor', { $dynamicAnchor: 'a' }, '/$dynamicAnchor', '$defs'],
    ['with a remote reference', { $ref: 'https://x.example/a' }, '/$ref', 'same schema'],
    ['with a reference to a file', { items: { $ref: 'a.json' } }, '/items/$ref', 'same schema'],
    ['with a reference to an anchor', { $ref: '#a' }, '/$ref', 'JSON pointer'],
    ['with a reference to nothing', { $ref: '#/$defs/a' }, '/$ref', 'There is no schema'],
    [
      'with a reference to what is no schema',
      { $ref: '#/$defs', $defs: { a: true } },
      '/$ref',
      'There is no schema',
    ],
    ['with a broken escape', { $ref: '#/$defs/%zz' }, '/$ref', 'There is no schema'],
    [
      'with a reference to nothing in an unused definition',
      { $defs: { a: { $ref: '#/b' } } },
      '/$defs/a/$ref',
      'There is no schema',
    ],
    ['with a misspelt keyword', { requierd: ['a'] }, '/requierd', '"requierd" is not supported'],
    ['with a keyword of old drafts', { definitions: {} }, '/definitions', '$defs'],
    ['with a keyword of ajv', { nullable: true }, '/nullable', '"null"'],
    ['with an unknown format', { format: 'iban' }, '/format', 'one of date,'],
    ['with an unknown type', { type: 'text' }, '/type', 'string, number'],
    ['with a type twice', { type: ['null', 'null'] }, '/type', 'different'],
    ['with a tuple of old drafts', { items: [true] }, '/items', 'must be an object, true or false'],
    ['with a negative count', { minItems: -1 }, '/minItems', '0 or more'],
    ['with a multiple of nothing', { multipleOf: 0 }, '/multipleOf', 'above 0'],
    ['with a number that JSON reads as infinite', { maximum: 1e999 }, '/maximum', 'too large'],
    ['with an empty enum', { enum: [] }, '/enum', 'one or more'],
    ['with then but no if', { then: true }, '/then', 'without if'],
    ['with if alone', { if: true }, '/if', 'without then or else'],
    ['with a limit on what is not contained', { minContains: 1 }, '/minContains', 'contains'],
    ['with lookahead', { pattern: '^(?=a)' }, '/pattern', 'RE2'],
    ['with a backreference', { pattern: String.raw`(a)\1` }, '/pattern', 'RE2'],
    [
      'with a broken pattern for names',
      { patternProperties: { '(': true } },
      '/patternProperties/(',
      'RE2',
    ],
    ['with a pattern that expands', { pattern: '(a?){1000}' }, '/pattern', 'too large'],
    [
      'with a pattern that repeats without end',
      { pattern: '((a{99}){99}){99}' },
      '/pattern',
      'RE2',
    ],
    ['with a long pattern', { pattern: 'a'.repeat(1_001) }, '/pattern', 'at most 1,000'],
    [
      'with many patterns',
      {
        patternProperties: Object.fromEntries(
          times(11, (n) => ['a'.repeat(990) + String(n), true]),
        ),
      },
      '/patternProperties',
      'patterns of the schema are too large',
    ],
    ['that nests too deep', { default: nest(32) }, `/default${'/0'.repeat(31)}`, '32 levels'],
    ['that is too long', { enum: ['x'.repeat(66_000)] }, '', '64 KiB'],
    [
      'with too many keywords',
      { allOf: times(1_000, () => ({ minimum: 1, maximum: 2 })) },
      '/allOf/999/maximum',
      '2,000 keywords',
    ],
    ['that sets a prototype', json('{"properties":{"__proto__":{}}}'), '/properties', '__proto__'],
    ['that requires a prototype', { required: ['__proto__'] }, '/required', '__proto__'],
  ])('%s is refused, with its place', (_, schema, pointer, detail) => {
    expect(refusal(schema)).toMatchObject({ pointer });
    expect(refusal(schema)?.detail).toContain(detail);
  });

  test('that stands for a thousand million schemas is refused', () => {
    const doubling = (keyword: string) => ({
      $ref: '#/$defs/p0',
      $defs: {
        ...named(30, (n) => ({
          [keyword]: [{ $ref: `#/$defs/p${n + 1}` }, { $ref: `#/$defs/p${n + 1}` }],
        })),
        p30: { type: 'string' },
      },
    });
    for (const keyword of ['allOf', 'anyOf', 'oneOf', 'prefixItems']) {
      expect(refusal(doubling(keyword))?.detail).toContain('more than 3,000 keywords');
    }
  });

  test.each([
    ['itself', { $ref: '#' }, '/$ref'],
    ['its root from below', { properties: { a: { $ref: '#' } } }, '/properties/a/$ref'],
    [
      'itself over a detour',
      { $defs: { a: { not: { $ref: '#/$defs/b' } }, b: { anyOf: [{ $ref: '#/$defs/a' }] } } },
      '/$defs/b/anyOf/0/$ref',
    ],
  ])('that refers to %s is refused', (_, schema, pointer) => {
    expect(refusal(schema)).toMatchObject({ pointer });
    expect(refusal(schema)?.detail).toContain('recursive');
  });

  test('with a long chain of references is refused', () => {
    const chain = {
      $ref: '#/$defs/p0',
      $defs: { ...named(1_900, (n) => ({ $ref: `#/$defs/p${n + 1}` })), p1900: true },
    };
    expect(refusal(chain)?.detail).toContain('64 levels');
  });

  test('is compiled without matching names against its patterns by backtracking', () => {
    const schema = {
      properties: { ['a'.repeat(60)]: true },
      patternProperties: { '^(a+)+$|b!': { type: 'number' } },
    };
    expect(accepts(schema, { ['a'.repeat(60)]: 1 })).toBe(true);
    expect(accepts(schema, { ['a'.repeat(60)]: 'x' })).toBe(false);
  });

  test('cannot put code into the check', () => {
    const name = `"]; throw 1; //'\`\${1}\u2028`;
    const schema = { properties: { [name]: { const: name } }, required: [name] };
    expect(accepts(schema, { [name]: name })).toBe(true);
    expect(accepts(schema, { [name]: '' })).toBe(false);
  });

  test('that has not been checked is not compiled', () => {
    expect(() => compileEventSchema({ $ref: '#' })).toThrow('recursive');
  });
});

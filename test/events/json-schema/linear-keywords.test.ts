import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkEventSchema,
  compileEventSchema,
} from '../../../src/events/json-schema/event-schema.ts';
import { accepts, json, named, ORDER, times, VALID, validate } from './order-schema.ts';

describe('equality is that of JSON', () => {
  const object = json('{"a":1.0,"b":[2,{"c":null,"d":-0}]}');
  const same = json('{"b":[2.0,{"d":0,"c":null}],"a":1}');

  test.each<[string, object]>([
    ['const', { const: object }],
    ['enum', { enum: [1, object] }],
  ])('in %s', (_, schema) => {
    expect(accepts(schema, same)).toBe(true);
    expect(accepts(schema, { a: 1 })).toBe(false);
  });

  test('in uniqueItems', () => {
    const unique = { uniqueItems: true };
    expect(accepts(unique, [object, same])).toBe(false);
    expect(accepts(unique, [1, '1', true, 'true', null, 'null', [1], ['1'], { a: 1 }])).toBe(true);
    expect(accepts(unique, [['a', 'b'], ['a,b'], 'a,b', { a: 'b' }, [{ a: 'b' }]])).toBe(true);
    expect(accepts({ uniqueItems: false }, [1, 1])).toBe(true);
  });

  test('of numbers and their multiples, also of fractions', () => {
    expect(accepts({ multipleOf: 0.01 }, 19.99)).toBe(true);
    expect(accepts({ multipleOf: 0.1 }, 0.3)).toBe(true);
    expect(accepts({ multipleOf: 0.1 }, 0.35)).toBe(false);
    expect(accepts({ multipleOf: 3 }, 1e22)).toBe(false);
    expect(accepts({ multipleOf: 1e-300 }, 1e300)).toBe(true);
    expect(accepts({ multipleOf: 1e300 }, 1e-300)).toBe(false);
    expect(accepts({ multipleOf: 2 }, -0)).toBe(true);
  });

  test('of texts counts code points', () => {
    const property = fc.property(fc.string({ unit: 'binary' }), fc.nat(8), (text, limit) => {
      const count = Array.from(text).length;
      expect(accepts({ maxLength: limit }, text)).toBe(count <= limit);
      expect(accepts({ minLength: limit }, text)).toBe(count >= limit);
    });
    fc.assert(property, { numRuns: 50 });
  });
});

describe('an empty or short array', () => {
  test('contains nothing, whatever the array before it contained', () => {
    expect(accepts({ items: { contains: { const: 1 } } }, [[1], []])).toBe(false);
    expect(accepts({ items: { contains: { const: 1 } } }, [[1], [0, 1]])).toBe(true);
  });

  test('is checked with the other keywords when it has fewer elements than a tuple', () => {
    const tuple = [true, true, { type: 'number' }];
    expect(accepts({ prefixItems: tuple, contains: { const: 1 } }, [])).toBe(false);
    expect(accepts({ prefixItems: tuple, contains: { const: 1 } }, [1])).toBe(true);
    expect(accepts({ prefixItems: tuple, uniqueItems: true }, [1, 1])).toBe(false);
    expect(accepts({ prefixItems: tuple, items: false, maxItems: 5 }, [1, 2, 3, 4])).toBe(false);
    expect(accepts({ prefixItems: tuple, unevaluatedItems: false }, [1, 2, 3])).toBe(true);
    expect(accepts({ prefixItems: tuple, unevaluatedItems: false }, [1, 2, 3, 4])).toBe(false);
  });
});

test.each([
  ['alone', {}],
  ['with unevaluated members', { unevaluatedProperties: false }],
])('patterns of names beside alternatives, %s, throw for no data', (_, more) => {
  const schema = {
    anyOf: [{}, { additionalProperties: { minLength: 2 } }],
    patternProperties: { '^x': {} },
    ...more,
  };
  expect(validate(schema, { xa: 'a' })).toEqual({ ok: true });
});

describe('a check that would take too long is given up', () => {
  const refusesAsTooLarge = (schema: object, data: unknown): boolean => {
    const result = validate(schema, data);
    return (
      !result.ok && result.pointer === '' && result.detail.includes('too large for the schema')
    );
  };

  test.each<[string, object, unknown]>([
    [
      'many keywords for many values',
      { items: { allOf: times(600, (n) => ({ minimum: -n })) } },
      times(9_000, Number),
    ],
    [
      'many names for many objects',
      { items: { properties: named(800, () => ({ type: 'null' })) } },
      times(9_000, () => ({})),
    ],
    [
      'many members counted often',
      { allOf: times(500, (minProperties) => ({ minProperties })) },
      named(9_000, Number),
    ],
    [
      'many failing alternatives',
      { anyOf: times(500, (n) => ({ contains: { const: -n - 1 } })) },
      times(9_000, Number),
    ],
    ['a large pattern on a long text', { pattern: '(a|b)*a(a|b){300}$' }, 'ab'.repeat(99_000)],
    ['patterns on many names', { patternProperties: named(300, () => true) }, named(9_000, Number)],
    [
      'many formats of long texts',
      { items: { allOf: times(400, () => ({ format: 'uri' })) } },
      times(99, () => `a:/${'b'.repeat(2_000)}`),
    ],
    [
      'uniqueItems of large arrays, often',
      { allOf: times(300, () => ({ uniqueItems: true })) },
      times(9_000, (a) => ({ a })),
    ],
    [
      'large objects compared often',
      { allOf: times(300, () => ({ not: { const: {} } })) },
      named(9_000, Number),
    ],
    [
      'fractions divided often',
      { items: { allOf: times(90, () => ({ multipleOf: 1e-300 })) } },
      times(9_000, () => 1e300),
    ],
    [
      'long texts counted often',
      { allOf: times(500, () => ({ maxLength: 80_000 })) },
      '😀'.repeat(80_000),
    ],
  ])('%s', (_, schema, data) => {
    expect(checkEventSchema(schema)).toEqual({ ok: true });
    expect(refusesAsTooLarge(schema, data)).toBe(true);
  });

  test('but the next message has all steps again', () => {
    const compiled = compileEventSchema({ items: { pattern: '(a|b)*a(a|b){30}$' } });
    const long = times(30, () => 'ab'.repeat(20_000));
    for (let round = 0; round < 3; round += 1) {
      expect(compiled.validate(long).ok).toBe(false);
      expect(compiled.validate([`${'ab'.repeat(15)}a`]).ok).toBe(true);
    }
  });

  test('but not the one of a typical schema with large data', () => {
    const items = times(5_000, (n) => ({ sku: `SKU-${n}`, qty: n + 1 }));
    expect(validate(ORDER, { ...VALID, items })).toEqual({ ok: true });
    expect(accepts({ uniqueItems: true, items: { type: 'object' } }, items)).toBe(true);
    expect(accepts({ items: { enum: times(4_000, String) } }, times(4_000, String))).toBe(true);
  });

  test('and a backtracking pattern takes linear time', () => {
    expect(accepts({ pattern: '^(a+)+$' }, `${'a'.repeat(50_000)}!`)).toBe(false);
    expect(accepts({ pattern: '^(a|aa)+$' }, 'a'.repeat(50_000))).toBe(true);
  });

  test('and no text longer than 2,048 characters is of any format', () => {
    const pointer = (length: number) => '/'.repeat(length);
    expect(accepts({ format: 'json-pointer' }, pointer(2_048))).toBe(true);
    expect(accepts({ format: 'json-pointer' }, pointer(2_049))).toBe(false);
  });
});

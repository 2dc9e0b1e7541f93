import { describe, expect, test } from 'vitest';
import { DATA_DEPTH_MAX } from '../../../src/events/json-schema/event-schema.ts';
import { accepts, json, nest, ORDER, VALID, validate } from './order-schema.ts';

describe('data', () => {
  test('that matches is accepted', () => {
    expect(validate(ORDER, VALID)).toEqual({ ok: true });
  });

  test.each<[string, object, unknown, string, string]>([
    ['a wrong type', { type: ['string', 'null'] }, 1, '', 'of type ["string","null"]'],
    ['a missing member', ORDER, { id: VALID.id }, '', 'The member "items" is missing.'],
    ['a deep missing member', ORDER, { ...VALID, items: [{}] }, '/items/0', '"sku" is missing'],
    [
      'a member too many',
      ORDER,
      { ...VALID, 'a/b~': 1 },
      '/a~1b~0',
      'The member "a/b~" is not allowed.',
    ],
    [
      'a small number',
      ORDER,
      { ...VALID, items: [{ sku: 'A', qty: 0 }] },
      '/items/0/qty',
      'at least 1',
    ],
    ['a wrong format', ORDER, { ...VALID, email: 'x' }, '/email', 'of the format "email"'],
    ['a wrong pattern', ORDER, { ...VALID, code: 'xyz' }, '/code', 'the pattern "^[A-Z]{3}$"'],
    ['an unlisted value', { enum: ['a', { b: 1 }] }, 'c', '', 'one of ["a",{"b":1}]'],
    ['another constant', { const: 5 }, 6, '', 'must be 5'],
    ['a long text', { maxLength: 2 }, '😀😀😀', '', 'at most 2 characters'],
    ['equal elements', { uniqueItems: true }, [1, 1], '', 'two equal elements'],
    ['too many elements', { prefixItems: [true], items: false }, [1, 2], '', 'at most 1'],
    [
      'an unevaluated member',
      { unevaluatedProperties: false },
      { a: 1 },
      '/a',
      '"a" is not allowed',
    ],
    ['a wrong name', { propertyNames: { maxLength: 1 } }, { ab: 1 }, '', 'called "ab"'],
    [
      'a missing partner',
      { dependentRequired: { a: ['b'] } },
      { a: 1 },
      '',
      '"b" is missing, which "a" needs',
    ],
    ['what no alternative allows', { anyOf: [{ const: 1 }, { const: 2 }] }, 3, '', 'none of'],
    ['what no exclusive alternative allows', { oneOf: [{ const: 1 }] }, 3, '', 'none of'],
    ['what two alternatives allow', { oneOf: [true, true] }, 3, '', 'more than one'],
    ['what a condition forbids', { if: true, then: { minimum: 5 } }, 3, '', 'at least 5'],
    ['what is excluded', { not: { const: 1 } }, 1, '', 'not allowed'],
    ['anything where nothing is allowed', { properties: { a: false } }, { a: 1 }, '/a', 'No value'],
  ])('with %s is refused, with its place and the facts', (...[, schema, data, pointer, detail]) => {
    const result = validate(schema, data);
    expect(result).toMatchObject({ ok: false, pointer });
    expect(result.ok ? '' : result.detail).toContain(detail);
  });

  test('is never changed', () => {
    const data = { items: [{ sku: 'A' }], more: { a: '1' } };
    const before = structuredClone(data);
    const schema = {
      properties: {
        items: ORDER.properties.items,
        more: { additionalProperties: { type: ['number', 'string'], default: 1 } },
        missing: { default: 5 },
      },
      $defs: ORDER.$defs,
    };
    expect(accepts(schema, data)).toBe(true);
    expect(accepts({ ...schema, maxProperties: 1 }, data)).toBe(false);
    expect(data).toEqual(before);
    expect(accepts({ type: 'number' }, '1')).toBe(false);
  });

  test('is shown in one short sentence, without control characters', () => {
    const name = `\u0000\u202e\ud800${'x'.repeat(5_000)}`;
    const result = validate({ additionalProperties: false }, { [name]: 1 });
    expect(result).toMatchObject({ ok: false, pointer: '' });
    const detail = result.ok ? '' : result.detail;
    expect(detail).toContain(String.raw`\u0000\u202e\ud800xxx`);
    expect(detail.length).toBeLessThan(200);
    expect(detail).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
  });

  test('at a place that cannot be shown is refused with a place above it', () => {
    const schema = { additionalProperties: { additionalProperties: { type: 'string' } } };
    expect(validate(schema, { a: { 'b\u0007': 1 } })).toMatchObject({ pointer: '/a' });
    expect(validate(schema, { a: { ['b'.repeat(2_000)]: 1 } })).toMatchObject({ pointer: '/a' });
    expect(validate(schema, { a: { b: 1 } })).toMatchObject({ pointer: '/a/b' });
  });

  test('that nests too deep is refused, whatever the schema', () => {
    expect(validate({}, nest(DATA_DEPTH_MAX))).toEqual({ ok: true });
    const deep = json('['.repeat(50_000) + ']'.repeat(50_000));
    expect(validate({}, deep)).toEqual({
      ok: false,
      pointer: '/0'.repeat(DATA_DEPTH_MAX),
      detail: 'The data nests more than 64 levels deep.',
    });
  });

  test('with a number beyond all numbers is refused', () => {
    expect(validate({}, json('{"a":[1e999]}'))).toMatchObject({ pointer: '/a/0' });
  });

  test('has only its own members', () => {
    expect(accepts({ required: ['constructor'] }, {})).toBe(false);
    expect(accepts({ required: ['constructor'] }, { constructor: 1 })).toBe(true);
    expect(accepts({ properties: { toString: { type: 'string' } } }, {})).toBe(true);
    expect(accepts({ properties: { constructor: { type: 'string' } } }, { constructor: 1 })).toBe(
      false,
    );
    expect(validate({}, json('{"a":{"__proto__":1}}'))).toMatchObject({ ok: false, pointer: '/a' });
  });

  test('cannot hide a member behind an inherited name', () => {
    const schema = { patternProperties: { '^a': true }, unevaluatedProperties: false };
    expect(accepts(schema, { a: 1 })).toBe(true);
    expect(accepts(schema, { toString: 1 })).toBe(false);
    expect(accepts({ not: schema }, { constructor: 1 })).toBe(false);
  });

  test('that throws is refused', () => {
    const data = Object.defineProperty({}, 'a', {
      enumerable: true,
      get: () => {
        throw new Error('no\u0000thing');
      },
    });
    const detail = String.raw`The check failed: Error: no\u0000thing.`;
    expect(validate({}, data)).toEqual({ ok: false, pointer: '', detail });
  });

  test('cannot take over a comparison', () => {
    const data = { valueOf: 1, toString: 2, constructor: 3, toJSON: 4 };
    expect(accepts({ const: { a: 1 } }, data)).toBe(false);
    expect(accepts({ enum: [{}, data] }, data)).toBe(true);
    expect(accepts({ uniqueItems: true }, [data, {}, structuredClone(data)])).toBe(false);
  });
});

import { describe, expect, test } from 'vitest';
import { findBreak } from '../../../src/events/json-schema/compatible-schema.ts';

const UNPROVEN = 'cannot be shown to accept what the old schema accepts';
const object = (properties: object, more: object = {}) => ({
  type: 'object',
  properties,
  ...more,
});

describe('a new version breaks old data', () => {
  test.each<[string, object, object, { pointer: string; detail: string }]>([
    [
      'with a new required member',
      object({}),
      object({}, { required: ['a'] }),
      { pointer: '/required', detail: 'The member "a" is required now.' },
    ],
    [
      'without an old value',
      { enum: ['a', 'b'] },
      { enum: ['b', 'c'] },
      { pointer: '/enum', detail: 'The value "a" is not allowed any more.' },
    ],
    [
      'with a list of values where any was fine',
      { type: 'string' },
      { type: 'string', enum: ['a'] },
      { pointer: '/enum', detail: 'Any value was allowed before.' },
    ],
    [
      'with another constant',
      { const: 1 },
      { const: 2 },
      { pointer: '/const', detail: 'The value 1 is not' },
    ],
    [
      'without an old type',
      { type: ['string', 'null'] },
      { type: 'string' },
      { pointer: '/type', detail: 'type null are not' },
    ],
    [
      'with integers instead of numbers',
      { type: 'number' },
      { type: 'integer' },
      { pointer: '/type', detail: 'type fraction' },
    ],
    [
      'with a type where any was fine',
      {},
      { type: 'object' },
      { pointer: '/type', detail: 'not allowed any more' },
    ],
    [
      'with a lower maximum',
      { maximum: 5 },
      { maximum: 4 },
      { pointer: '/maximum', detail: 'is 4 now. It was 5 before.' },
    ],
    [
      'with an exclusive maximum',
      { maximum: 5 },
      { exclusiveMaximum: 5 },
      { pointer: '/exclusiveMaximum', detail: 'There was none' },
    ],
    [
      'with a higher minimum',
      { minimum: 1 },
      { minimum: 2 },
      { pointer: '/minimum', detail: 'is 2 now' },
    ],
    [
      'with another multiple',
      { multipleOf: 5 },
      { multipleOf: 10 },
      { pointer: '/multipleOf', detail: 'is 10 now' },
    ],
    [
      'with shorter texts',
      { maxLength: 9 },
      { maxLength: 8 },
      { pointer: '/maxLength', detail: 'is 8 now' },
    ],
    [
      'with a minimal length',
      { type: 'string' },
      { type: 'string', minLength: 1 },
      { pointer: '/minLength', detail: 'none before' },
    ],
    [
      'with another pattern',
      { pattern: '^a' },
      { pattern: '^a*' },
      { pointer: '/pattern', detail: UNPROVEN },
    ],
    [
      'with another format',
      { format: 'uri' },
      { format: 'email' },
      { pointer: '/format', detail: UNPROVEN },
    ],
    [
      'with fewer elements',
      { maxItems: 3 },
      { maxItems: 2 },
      { pointer: '/maxItems', detail: 'is 2 now' },
    ],
    [
      'with unique elements',
      { type: 'array' },
      { type: 'array', uniqueItems: true },
      { pointer: '/uniqueItems', detail: UNPROVEN },
    ],
    [
      'with narrower elements',
      { items: { maximum: 5 } },
      { items: { maximum: 4 } },
      { pointer: '/items/maximum', detail: 'is 4 now' },
    ],
    [
      'with a tuple',
      { type: 'array' },
      { type: 'array', prefixItems: [true, { type: 'string' }] },
      { pointer: '/prefixItems/1/type', detail: 'not allowed any more' },
    ],
    [
      'with no elements after a tuple',
      { prefixItems: [true] },
      { prefixItems: [true], items: false },
      { pointer: '/items', detail: 'No value' },
    ],
    [
      'with contained elements',
      { contains: { const: 1 } },
      { contains: { const: 1 }, minContains: 2 },
      { pointer: '/contains', detail: UNPROVEN },
    ],
    [
      'closed to additional members',
      object({ a: true }),
      object({ a: true }, { additionalProperties: false }),
      { pointer: '/additionalProperties', detail: 'Additional members are not' },
    ],
    [
      'without a member of a closed object',
      object({ a: true }, { additionalProperties: false }),
      object({}, { additionalProperties: false }),
      { pointer: '/additionalProperties', detail: 'The member "a" is not' },
    ],
    [
      'with narrower additional members',
      { additionalProperties: true },
      { additionalProperties: { type: 'object' } },
      { pointer: '/additionalProperties/type', detail: 'not allowed' },
    ],
    [
      'with a schema for a member that could be anything',
      object({}),
      object({ a: { type: 'string' } }),
      { pointer: '/properties/a', detail: 'The member "a" could be anything before.' },
    ],
    [
      'with a narrower member deep inside',
      object({ a: object({ 'b/c': { maximum: 2 } }) }),
      object({ a: object({ 'b/c': { maximum: 1 } }) }),
      { pointer: '/properties/a/properties/b~1c/maximum', detail: 'is 1 now' },
    ],
    [
      'with a narrower pattern of names',
      { patternProperties: { '^x': true } },
      { patternProperties: { '^x': { type: 'null' } } },
      { pointer: '/patternProperties/^x/type', detail: 'not allowed' },
    ],
    [
      'with a member that matches a new pattern',
      object({ xa: { type: 'string' } }),
      object({ xa: { type: 'string' } }, { patternProperties: { '^x': { maxLength: 1 } } }),
      { pointer: '/patternProperties/^x/maxLength', detail: 'none before' },
    ],
    [
      'with a schema for members that matched an old pattern',
      { patternProperties: { '^x': true }, additionalProperties: { type: 'string' } },
      { additionalProperties: { type: 'string' } },
      { pointer: '/additionalProperties/type', detail: 'not allowed any more' },
    ],
    [
      'with names of another kind',
      { type: 'object' },
      { type: 'object', propertyNames: { maxLength: 5 } },
      { pointer: '/propertyNames/maxLength', detail: 'none before' },
    ],
    [
      'with fewer alternatives',
      { anyOf: [{ type: 'string' }, { type: 'null' }] },
      { anyOf: [{ type: 'string' }, { type: 'array' }] },
      { pointer: '/anyOf', detail: UNPROVEN },
    ],
    [
      'with more alternatives that exclude each other',
      { oneOf: [{ minimum: 1 }] },
      { oneOf: [{ minimum: 1 }, { minimum: 2 }] },
      { pointer: '/oneOf', detail: UNPROVEN },
    ],
    [
      'with more that is forbidden',
      { not: { const: 1 } },
      { not: { enum: [1, 2] } },
      { pointer: '/not', detail: UNPROVEN },
    ],
    [
      'with another condition',
      { if: { minimum: 1 }, then: { maximum: 5 } },
      { if: { minimum: 2 }, then: { maximum: 5 } },
      { pointer: '/if', detail: UNPROVEN },
    ],
    [
      'with a narrower consequence',
      { if: { minimum: 1 }, then: { maximum: 5 } },
      { if: { minimum: 1 }, then: { maximum: 4 } },
      { pointer: '/then/maximum', detail: 'is 4 now' },
    ],
    [
      'with another dependency',
      { type: 'object' },
      { type: 'object', dependentRequired: { a: ['b'] } },
      { pointer: '/dependentRequired', detail: UNPROVEN },
    ],
    [
      'with members that nothing evaluates',
      object({}),
      object({}, { unevaluatedProperties: false }),
      { pointer: '/unevaluatedProperties', detail: UNPROVEN },
    ],
    [
      'with a narrower definition',
      { $ref: '#/$defs/a', $defs: { a: { maximum: 2 } } },
      { $ref: '#/$defs/a', $defs: { a: { maximum: 1 } } },
      { pointer: '/$defs/a/maximum', detail: 'is 1 now' },
    ],
    [
      'with one more condition in allOf',
      { allOf: [{ minimum: 1 }] },
      { allOf: [{ minimum: 1 }, { maximum: 5 }] },
      { pointer: '/allOf/1/maximum', detail: 'none before' },
    ],
    [
      'that allows nothing',
      { type: 'string' },
      { allOf: [false] },
      { pointer: '/allOf/0', detail: 'No value' },
    ],
  ])('%s', (_, before, after, { pointer, detail }) => {
    const found = findBreak(before, after);
    expect(found).toMatchObject({ pointer });
    expect(found?.detail).toContain(detail);
  });
});

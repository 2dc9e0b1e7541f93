import { describe, expect, test } from 'vitest';
import { findBreak } from '../../../src/events/json-schema/compatible-schema.ts';
import { ORDER, times } from './order-schema.ts';

const UNPROVEN = 'cannot be shown to accept what the old schema accepts';
const object = (properties: object, more: object = {}) => ({
  type: 'object',
  properties,
  ...more,
});

describe('a new version keeps old data valid', () => {
  test.each<[string, object, object]>([
    ['without a change', ORDER, structuredClone(ORDER)],
    [
      'with other annotations',
      { title: 'a', type: 'string', default: 'a' },
      { type: 'string', $comment: 'b', examples: [1] },
    ],
    [
      'with members in another order',
      { required: ['a', 'b'], enum: [1, { a: 1, b: 2 }] },
      { enum: [{ b: 2, a: 1 }, 1], required: ['b', 'a'] },
    ],
    [
      'with a definition instead of a copy',
      { items: { minimum: 1 } },
      { items: { $ref: '#/$defs/n' }, $defs: { n: { minimum: 1 } } },
    ],
    [
      'with a wider definition',
      { $ref: '#/$defs/a', $defs: { a: { maximum: 1 } } },
      { $ref: '#/$defs/b', $defs: { b: { maximum: 2 } } },
    ],
    [
      'with a new optional member of a closed object',
      object({ a: true }, { additionalProperties: false }),
      object({ a: true, b: { type: 'null' } }, { additionalProperties: false }),
    ],
    [
      'opened to additional members',
      object({ a: true }, { additionalProperties: false }),
      object({ a: true }),
    ],
    [
      'with wider additional members',
      { additionalProperties: { type: 'integer' } },
      { additionalProperties: { type: 'number' } },
    ],
    [
      'with a member that was as narrow as an additional one',
      { additionalProperties: { type: 'integer' } },
      { additionalProperties: { type: 'integer' }, properties: { a: { type: 'number' } } },
    ],
    [
      'with the same patterns of a closed object',
      { patternProperties: { '^x': { type: 'null' } }, additionalProperties: false },
      { patternProperties: { '^x': true }, additionalProperties: false },
    ],
    ['without required members', { required: ['a', 'b'] }, { required: ['b'] }],
    ['with more values', { enum: [1, 2] }, { enum: [2, 3, 1] }],
    ['with a list instead of a constant', { const: 'a' }, { enum: ['a', 'b'] }],
    ['with more types', { type: 'integer' }, { type: ['number', 'null'] }],
    ['with the type of the values that were allowed', { enum: ['a', 'b'] }, { type: 'string' }],
    [
      'with wider limits',
      { minimum: 1, exclusiveMaximum: 5, multipleOf: 4 },
      { exclusiveMinimum: 0, maximum: 5, multipleOf: 2 },
    ],
    [
      'with limits for values of other types',
      { type: 'string' },
      { type: 'string', minimum: 5, minItems: 1, required: ['a'] },
    ],
    [
      'with limits that limit nothing',
      { type: ['string', 'array'] },
      { type: ['string', 'array'], minLength: 0, minItems: 0, uniqueItems: false },
    ],
    [
      'with wider elements of a tuple',
      { prefixItems: [{ const: 1 }], items: false },
      { prefixItems: [{ type: 'integer' }, { type: 'null' }] },
    ],
    [
      'with elements that the old limit rules out',
      { maxItems: 1 },
      { prefixItems: [true, { type: 'null' }] },
    ],
    [
      'with more alternatives',
      { anyOf: [{ type: 'string' }, { const: 1 }] },
      { anyOf: [{ const: 1 }, { type: ['string', 'null'] }, { type: 'array' }] },
    ],
    [
      'with alternatives that no longer exclude each other',
      { oneOf: [{ const: 1 }, { const: 2 }] },
      { anyOf: [{ const: 2 }, { const: 1 }] },
    ],
    [
      'with the old schema as one alternative',
      { maximum: 5 },
      { anyOf: [{ maximum: 5 }, { type: 'string' }] },
    ],
    ['with less that is forbidden', { not: { enum: [1, 2] } }, { not: { const: 1 } }],
    [
      'with a wider consequence',
      { if: { const: 1 }, else: { minimum: 5 } },
      { if: { const: 1 }, else: { minimum: 4 } },
    ],
    [
      'with its conditions apart',
      { minimum: 1, maximum: 5 },
      { allOf: [{ minimum: 1 }, { maximum: 5 }] },
    ],
    ['when nothing was allowed', { allOf: [false] }, { const: 1 }],
  ])('%s', (_, before, after) => {
    expect(findBreak(before, after)).toBeUndefined();
  });
});

test('a comparison of very many schemas with each other is given up', () => {
  const many = (minimum: number) => ({
    allOf: times(400, (n) => ({ additionalProperties: { minimum: minimum + n } })),
  });
  expect(findBreak(many(500), many(0))?.detail).toBe(`The schema ${UNPROVEN}.`);
});

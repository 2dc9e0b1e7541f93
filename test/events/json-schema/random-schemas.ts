/** Small random schemas and data, so few of each that they often meet. */
import fc from 'fast-check';

type Json = unknown;
export type JsonSchema = boolean | Record<string, unknown>;

const NAMES = ['a', 'b', 'xa'];
const name = fc.constantFrom(...NAMES);
const scalar = fc.constantFrom<Json[]>(null, true, 0, 1, 2, 3, 1.5, '', 'a', 'ab', 'b', '1');
const count = fc.nat(3);
const type = fc.constantFrom(
  ...['string', 'number', 'integer', 'object', 'array', 'null', 'boolean'],
);
const names = fc.uniqueArray(name, { maxLength: 2 });

export const data: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

export const schema: fc.Arbitrary<JsonSchema> = fc.letrec<{ schema: JsonSchema }>((tie) => {
  const inner = tie('schema');
  const list = fc.array(inner, { minLength: 1, maxLength: 2 });
  const byName = fc.dictionary(name, inner, { maxKeys: 2, noNullPrototype: true });
  const keyword = fc.oneof(
    pair('type', fc.oneof(type, fc.uniqueArray(type, { minLength: 1, maxLength: 3 }))),
    pair('enum', fc.array(data, { minLength: 1, maxLength: 4 })),
    pair('const', data),
    ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'minLength', 'maxLength'].map(
      (limit) => pair(limit, count),
    ),
    ...['minItems', 'maxItems', 'minProperties', 'maxProperties'].map((limit) =>
      pair(limit, count),
    ),
    pair('multipleOf', fc.constantFrom(0.5, 1, 2)),
    pair('pattern', fc.constantFrom('^a', 'b$')),
    pair('uniqueItems', fc.boolean()),
    pair('required', names),
    pair('dependentRequired', fc.dictionary(name, names, { maxKeys: 1, noNullPrototype: true })),
    ...['allOf', 'anyOf', 'oneOf', 'prefixItems'].map((keyword) => pair(keyword, list)),
    ...['not', 'items', 'contains', 'propertyNames', 'additionalProperties'].map((keyword) =>
      pair(keyword, inner),
    ),
    ...['properties', 'properties', 'dependentSchemas'].map((keyword) => pair(keyword, byName)),
    pair(
      'patternProperties',
      fc.dictionary(fc.constantFrom('^x', 'a'), inner, { maxKeys: 2, noNullPrototype: true }),
    ),
    pair('unevaluatedProperties', fc.constant(false)),
    fc.record({ if: inner, then: inner }),
    fc.record({ if: inner, else: inner }),
    fc.record({ contains: inner, minContains: fc.constantFrom(1, 2), maxContains: fc.constant(2) }),
  );
  const some = fc.array(keyword, { minLength: 1, maxLength: 3 });
  return {
    schema: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof({ weight: 1, arbitrary: fc.boolean() }, { weight: 6, arbitrary: fc.constant({}) }),
      some.map((keywords): JsonSchema => Object.assign({}, ...keywords) as JsonSchema),
    ),
  };
}).schema;

/** A schema and one that differs from it in a few places, mostly by being wider. */
export const schemaPair: fc.Arbitrary<[object, object]> = fc
  .tuple(schema, fc.infiniteStream(fc.nat(11)))
  .filter(([root]) => typeof root === 'object')
  .map(([root, choices]) => [root as object, varied(root, choices) as object]);

function pair(keyword: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<object> {
  return value.map((content) => ({ [keyword]: content }));
}

function varied(value: unknown, choices: Iterator<number>): unknown {
  const choose = (): number => choices.next().value as number;
  if (typeof value === 'number') {
    const choice = choose();
    return choice > 1 ? value : value + choice * 2 || 1;
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => varied(item, choices));
    return choose() === 0 && items.length > 1 ? items.slice(1) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([keyword]) => keyword === 'if' || keyword === 'contains' || choose() > 1,
  );
  const members = kept.map(([keyword, content]) => [keyword, varied(content, choices)] as const);
  const result = Object.fromEntries(members) as Record<string, unknown>;
  const isLost = 'if' in result && !('then' in result) && !('else' in result);
  return isLost ? { ...result, then: true } : result;
}

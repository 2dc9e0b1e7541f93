/**
 * For each keyword of a new schema, whether every value that matches the old schemas matches it. Where that cannot be
 * seen from the keywords, the answer is no.
 */
import { canonicalJson } from './canonical-json.ts';
import { isMultipleOf } from './exact-multiple.ts';
import { shown } from './json-pointer.ts';
import { listOf, typesOf, type SchemaFacts, type ValueType } from './schema-facts.ts';
import type { SchemaNode } from './schema-node.ts';

export interface SchemaBreak {
  /** To the place in the new schema. */
  readonly pointer: string;
  readonly detail: string;
}

/** Whether the new schema accepts what all the old ones accept. @returns Where it does not. */
export type Compare = (olds: readonly SchemaNode[], next: SchemaNode) => SchemaBreak | undefined;

/** Of one keyword of `next`. @returns What is wrong, a sentence; '' if it cannot be told; or a break inside. */
type KeywordTest = (
  before: SchemaFacts,
  next: SchemaNode,
  compare: Compare,
) => SchemaBreak | string | undefined;

export interface ComparedKeyword {
  /** Values of other types always match. */
  readonly types?: readonly ValueType[];
  readonly test: KeywordTest;
}

const NUMBERS = ['integer', 'fraction'] as const;
const STRINGS = ['string'] as const;
const OBJECTS = ['object'] as const;
const ARRAYS = ['array'] as const;

export const COMPARED_KEYWORDS: ReadonlyMap<string, ComparedKeyword> = new Map([
  ['type', { test: compareTypes }],
  ['enum', { test: compareValues }],
  ['const', { test: compareValues }],
  ['maximum', numberLimit('maximum', { maximum: atMost, exclusiveMaximum: atMost })],
  [
    'exclusiveMaximum',
    numberLimit('exclusiveMaximum', { maximum: below, exclusiveMaximum: atMost }),
  ],
  ['minimum', numberLimit('minimum', { minimum: atLeast, exclusiveMinimum: atLeast })],
  [
    'exclusiveMinimum',
    numberLimit('exclusiveMinimum', { minimum: above, exclusiveMinimum: atLeast }),
  ],
  ['multipleOf', { types: NUMBERS, test: implied('multipleOf', { multipleOf: isMultipleOf }) }],
  ['maxLength', { types: STRINGS, test: implied('maxLength', { maxLength: atMost }) }],
  ['minLength', { types: STRINGS, test: implied('minLength', { minLength: atLeast }) }],
  ['pattern', { types: STRINGS, test: same('pattern') }],
  ['format', { types: STRINGS, test: same('format') }],
  ['maxItems', { types: ARRAYS, test: implied('maxItems', { maxItems: atMost }) }],
  ['minItems', { types: ARRAYS, test: implied('minItems', { minItems: atLeast }) }],
  ['uniqueItems', { types: ARRAYS, test: same('uniqueItems') }],
  ['contains', { types: ARRAYS, test: compareContains }],
  ['maxProperties', { types: OBJECTS, test: implied('maxProperties', { maxProperties: atMost }) }],
  ['minProperties', { types: OBJECTS, test: implied('minProperties', { minProperties: atLeast }) }],
  ['required', { types: OBJECTS, test: compareRequired }],
  ['dependentRequired', { types: OBJECTS, test: same('dependentRequired') }],
  ['dependentSchemas', { types: OBJECTS, test: compareDependentSchemas }],
  ['propertyNames', { types: OBJECTS, test: comparePropertyNames }],
  ['anyOf', { test: compareAnyOf }],
  ['oneOf', { test: sameSchemas('oneOf') }],
  ['not', { test: compareNot }],
  ['if', { test: compareIf }],
  // They depend on all the other keywords, so only a schema that is the same as a whole is compatible.
  ['unevaluatedItems', { types: ARRAYS, test: unevaluated('unevaluatedItems') }],
  ['unevaluatedProperties', { types: OBJECTS, test: unevaluated('unevaluatedProperties') }],
]);

type NumberTest = (old: number, next: number) => boolean;

function atMost(old: number, next: number): boolean {
  return old <= next;
}
function below(old: number, next: number): boolean {
  return old < next;
}
function atLeast(old: number, next: number): boolean {
  return old >= next;
}
function above(old: number, next: number): boolean {
  return old > next;
}

function numberLimit(
  keyword: string,
  tests: Readonly<Record<string, NumberTest>>,
): ComparedKeyword {
  return { types: NUMBERS, test: implied(keyword, tests) };
}

/** @param tests By a keyword of an old schema, whether its value implies the new one. */
function implied(keyword: string, tests: Readonly<Record<string, NumberTest>>): KeywordTest {
  return ({ nodes }, next) => {
    const limit = Number(next.get(keyword));
    // Nothing has fewer than none.
    if (limit === 0 && /^min[LIP]/.test(keyword)) return undefined;
    const isImplied = nodes.some((node) =>
      Object.entries(tests).some(([name, test]) => {
        return node.has(name) && test(Number(node.get(name)), limit);
      }),
    );
    if (isImplied) return undefined;
    const old = nodes.find((node) => node.has(keyword))?.get(keyword);
    const was = old === undefined ? 'There was none before' : `It was ${shown(old)} before`;
    return `The keyword ${keyword} is ${shown(limit)} now. ${was}.`;
  };
}

function same(keyword: string): KeywordTest {
  return ({ nodes }, next) => {
    const text = jsonOf(next.get(keyword));
    if (text === 'false') return undefined;
    const isSame = nodes.some((node) => node.has(keyword) && jsonOf(node.get(keyword)) === text);
    return isSame ? undefined : '';
  };
}

function sameSchemas(keyword: string): KeywordTest {
  const textOf = (node: SchemaNode) =>
    node
      .children(keyword)
      .map((child) => child.text)
      .join();
  return ({ nodes }, next) => {
    const text = textOf(next);
    return nodes.some((node) => textOf(node) === text) ? undefined : '';
  };
}

function unevaluated(keyword: string): KeywordTest {
  return (_before, next) => {
    return next.child(keyword).every((child) => child.acceptsAll) ? undefined : '';
  };
}

function jsonOf(value: unknown): string {
  return canonicalJson(value, () => undefined);
}

function compareTypes({ types }: SchemaFacts, next: SchemaNode): string | undefined {
  const kept = typesOf(next);
  const lost = [...types].filter((type) => !kept.has(type));
  if (lost.length === 0) return undefined;
  return `Values of type ${lost.join(', ')} are not allowed any more.`;
}

function compareValues({ values }: SchemaFacts, next: SchemaNode): string | undefined {
  if (values === undefined) return 'Any value was allowed before.';
  for (const list of listOf(next)) {
    const kept = new Set(list.map(jsonOf));
    const lost = values.find((value) => !kept.has(jsonOf(value)));
    if (lost !== undefined) return `The value ${shown(lost)} is not allowed any more.`;
  }
  return undefined;
}

function compareRequired({ nodes }: SchemaFacts, next: SchemaNode): string | undefined {
  const namesOf = (node: SchemaNode) => (node.get('required') ?? []) as readonly string[];
  const known = new Set(nodes.flatMap(namesOf));
  const added = namesOf(next).find((name) => !known.has(name));
  return added === undefined ? undefined : `The member ${shown(added)} is required now.`;
}

function compareContains({ nodes }: SchemaFacts, next: SchemaNode): string | undefined {
  const countsOf = (node: SchemaNode) => ({
    min: Number(node.get('minContains') ?? 1),
    max: Number(node.get('maxContains') ?? Infinity),
  });
  const textOf = (node: SchemaNode) => node.child('contains')[0]?.text;
  const wanted = countsOf(next);
  const isImplied = nodes.some((node) => {
    const { min, max } = countsOf(node);
    return textOf(node) === textOf(next) && min >= wanted.min && max <= wanted.max;
  });
  return isImplied ? undefined : '';
}

function compareDependentSchemas(
  { nodes }: SchemaFacts,
  next: SchemaNode,
  compare: Compare,
): SchemaBreak | undefined {
  for (const name of next.names('dependentSchemas')) {
    const olds = [...nodes, ...nodes.flatMap((node) => node.child('dependentSchemas', name))];
    const found = firstBreak(olds, next.child('dependentSchemas', name), compare);
    if (found !== undefined) return found;
  }
  return undefined;
}

function comparePropertyNames(
  { nodes }: SchemaFacts,
  next: SchemaNode,
  compare: Compare,
): SchemaBreak | undefined {
  const olds = nodes.flatMap((node) => node.child('propertyNames'));
  return firstBreak(olds, next.child('propertyNames'), compare);
}

function compareAnyOf(
  { nodes }: SchemaFacts,
  next: SchemaNode,
  compare: Compare,
): string | undefined {
  const choices = next.children('anyOf');
  const isIn = (olds: readonly SchemaNode[]): boolean =>
    choices.some((choice) => compare(olds, choice) === undefined);
  if (isIn(nodes)) return undefined;
  // Each alternative of an old list, together with what always holds, must be in a new one.
  const isCovered = ['anyOf', 'oneOf'].some((keyword) =>
    nodes.some((node) => {
      const olds = node.children(keyword);
      return olds.length > 0 && olds.every((old) => isIn([...nodes, old]));
    }),
  );
  return isCovered ? undefined : '';
}

function compareNot({ nodes }: SchemaFacts, next: SchemaNode, compare: Compare): '' | undefined {
  const [forbidden] = next.child('not');
  if (forbidden === undefined) return undefined;
  // What is forbidden now must have been forbidden before.
  const wasForbidden = nodes
    .flatMap((node) => node.child('not'))
    .some((old) => compare([forbidden], old) === undefined);
  return wasForbidden ? undefined : '';
}

function compareIf(
  { nodes }: SchemaFacts,
  next: SchemaNode,
  compare: Compare,
): SchemaBreak | '' | undefined {
  const textOf = (node: SchemaNode) => node.child('if')[0]?.text;
  const old = nodes.find((node) => node.has('if') && textOf(node) === textOf(next));
  if (old === undefined) return '';
  return (
    firstBreak([...nodes, ...old.child('then')], next.child('then'), compare) ??
    firstBreak([...nodes, ...old.child('else')], next.child('else'), compare)
  );
}

function firstBreak(
  olds: readonly SchemaNode[],
  nexts: readonly SchemaNode[],
  compare: Compare,
): SchemaBreak | undefined {
  for (const next of nexts) {
    const found = compare(olds, next);
    if (found !== undefined) return found;
  }
  return undefined;
}

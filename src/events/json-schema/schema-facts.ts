/** What is known of every value that some schemas accept. */
import { withJoined, type SchemaNode } from './schema-node.ts';

/** As `type`, but each value is of one of them: a number is an integer or a fraction. */
export type ValueType = 'null' | 'boolean' | 'string' | 'integer' | 'fraction' | 'object' | 'array';

const ALL_TYPES: readonly ValueType[] = [
  ...(['null', 'boolean', 'string', 'integer', 'fraction', 'object', 'array'] as const),
];

export interface SchemaFacts {
  /** The value matches all of them. */
  readonly nodes: readonly SchemaNode[];
  readonly types: ReadonlySet<ValueType>;
  /** Undefined if they cannot be listed. */
  readonly values: readonly unknown[] | undefined;
  /** Whether no value matches them. */
  readonly isImpossible: boolean;
}

export function factsOf(schemas: readonly SchemaNode[]): SchemaFacts {
  const nodes = withJoined(schemas);
  const sets = nodes.map(typesOf);
  let types = new Set(ALL_TYPES.filter((type) => sets.every((set) => set.has(type))));
  const lists = nodes.flatMap(listOf);
  const values = lists[0]?.filter((value) => types.has(typeOf(value)));
  if (values !== undefined) types = new Set(values.map(typeOf));
  const isImpossible = types.size === 0 || nodes.some((node) => node.acceptsNothing);
  return { nodes, types, values, isImpossible };
}

/** Of the keyword `type`. */
export function typesOf(node: SchemaNode): ReadonlySet<ValueType> {
  const type = node.get('type');
  if (type === undefined) return new Set(ALL_TYPES);
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  const accepts = (name: ValueType): boolean => types.includes(name) || isNumber(name, types);
  return new Set(ALL_TYPES.filter(accepts));
}

/** The values of `enum` and `const`. */
export function listOf(node: SchemaNode): (readonly unknown[])[] {
  const list = node.get('enum');
  const lists = Array.isArray(list) ? [list as readonly unknown[]] : [];
  return node.has('const') ? [...lists, [node.get('const')]] : lists;
}

function isNumber(name: ValueType, types: readonly unknown[]): boolean {
  return types.includes('number') && (name === 'integer' || name === 'fraction');
}

function typeOf(value: unknown): ValueType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'fraction';
  if (typeof value === 'string' || typeof value === 'boolean') return typeof value as ValueType;
  return 'object';
}

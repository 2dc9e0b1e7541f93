/** The keywords for members and elements, which say together which schema applies to which of them. */
import type { Compare, SchemaBreak } from './compare-keywords.ts';
import { shown } from './json-pointer.ts';
import type { SchemaFacts } from './schema-facts.ts';
import type { SchemaNode } from './schema-node.ts';

/** Whether objects that match the old schemas have no member that the new schema refuses. */
export function compareMembers(
  { nodes }: SchemaFacts,
  next: SchemaNode,
  compare: Compare,
): SchemaBreak | undefined {
  const isOpen = !next.has('patternProperties') && !next.has('additionalProperties');
  const lists = isOpen ? [next] : [...nodes, next];
  const names = new Set(lists.flatMap((node) => node.names('properties')));
  for (const name of names) {
    const olds = nodes.flatMap((node) => node.forMember(name));
    for (const schema of next.forMember(name)) {
      const found = compare(olds, schema);
      if (found !== undefined) return explained(found, { name, schema, olds });
    }
  }
  return comparePatterns(nodes, next, compare) ?? compareOthers(nodes, next, compare);
}

/** Whether arrays that match the old schemas have no element that the new schema refuses. */
export function compareElements(
  { nodes }: SchemaFacts,
  next: SchemaNode,
  compare: Compare,
): SchemaBreak | undefined {
  const counts = [...nodes, next].map((node) => node.names('prefixItems').length);
  const lengthMax = Math.min(
    ...nodes.map((node) => Number(node.get('maxItems') ?? Infinity)),
    // One more than any prefix stands for all the elements after it.
    Math.max(...counts) + 1,
  );
  for (let index = 0; index < lengthMax; index += 1) {
    const olds = nodes.flatMap((node) => node.forElement(index));
    for (const schema of next.forElement(index)) {
      const found = compare(olds, schema);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Members whose names no schema lists, but that match a pattern of the new one. */
function comparePatterns(
  nodes: readonly SchemaNode[],
  next: SchemaNode,
  compare: Compare,
): SchemaBreak | undefined {
  for (const pattern of next.names('patternProperties')) {
    const olds = nodes.flatMap((node) => {
      const same = node.child('patternProperties', pattern);
      return same.length > 0 ? same : forUnlisted(node);
    });
    for (const schema of next.child('patternProperties', pattern)) {
      const found = compare(olds, schema);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** All other members. */
function compareOthers(
  nodes: readonly SchemaNode[],
  next: SchemaNode,
  compare: Compare,
): SchemaBreak | undefined {
  const [schema] = next.child('additionalProperties');
  if (schema === undefined) return undefined;
  const found = compare(nodes.flatMap(forUnlisted), schema);
  if (found === undefined) return undefined;
  const known = new Set(next.names('patternProperties'));
  // Such a member matches a pattern or not, so all that an old schema says of either must be narrow enough.
  const isImplied = nodes.some((node) => {
    const patterns = node.names('patternProperties').filter((pattern) => !known.has(pattern));
    const olds = [
      ...node.child('additionalProperties'),
      ...patterns.flatMap((pattern) => node.child('patternProperties', pattern)),
    ];
    if (!node.has('additionalProperties')) return false;
    return olds.every((old) => compare([old], schema) === undefined);
  });
  if (isImplied) return undefined;
  if (!schema.acceptsNothing) return found;
  return { pointer: schema.pointer, detail: 'Additional members are not allowed any more.' };
}

/** What applies to a member that `properties` does not list, whatever its name. */
function forUnlisted(node: SchemaNode): SchemaNode[] {
  return node.has('patternProperties') ? [] : node.child('additionalProperties');
}

function explained(
  found: SchemaBreak,
  {
    name,
    schema,
    olds,
  }: {
    readonly name: string;
    readonly schema: SchemaNode;
    readonly olds: readonly SchemaNode[];
  },
): SchemaBreak {
  const { pointer } = schema;
  if (schema.acceptsNothing) {
    return { pointer, detail: `The member ${shown(name)} is not allowed any more.` };
  }
  if (olds.length > 0) return found;
  return { pointer, detail: `The member ${shown(name)} could be anything before.` };
}

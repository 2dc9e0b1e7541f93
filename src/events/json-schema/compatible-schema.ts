/** Whether a new version of a schema accepts all that the old version accepts. */
import {
  COMPARED_KEYWORDS,
  type Compare,
  type ComparedKeyword,
  type SchemaBreak,
} from './compare-keywords.ts';
import { compareElements, compareMembers } from './compare-members.ts';
import { shown, showablePointer } from './json-pointer.ts';
import { factsOf, type SchemaFacts } from './schema-facts.ts';
import { ELEMENT_KEYWORDS, MEMBER_KEYWORDS } from './schema-keywords.ts';
import { SchemaNode } from './schema-node.ts';

/** Alternatives inside alternatives are compared each with each. This many comparisons take about a second. */
const COMPARISONS_MAX = 100_000;
const LOOKUPS_PER_COMPARISON = 10;

/**
 * Looks for a place where the new schema may refuse data that the old one accepts.
 *
 * It compares keyword by keyword, and takes what it cannot compare for a break: so without a break all old data stays
 * valid (but for the limits on the cost of a check), while a break may be none.
 *
 * @param before As `after`, has passed `checkEventSchema`.
 * @returns The first break found, with a pointer into `after`.
 */
export function findBreak(before: object, after: object): SchemaBreak | undefined {
  const found = new Comparison().compare([SchemaNode.root(before)], SchemaNode.root(after));
  return found && { pointer: showablePointer(found.pointer), detail: found.detail };
}

class Comparison {
  #left = COMPARISONS_MAX;

  readonly compare: Compare = (olds, next) => {
    if (next.acceptsAll) return undefined;
    const before = factsOf(olds);
    if (before.isImpossible) return undefined;
    return this.#compareNode(before, next);
  };

  #compareNode(before: SchemaFacts, next: SchemaNode): SchemaBreak | undefined {
    const { pointer } = next;
    this.#left -= costOf(before, next);
    if (this.#left < 0) return { pointer, detail: unproven('The schema') };
    if (before.nodes.some((node) => node.text === next.text)) return undefined;
    if (next.acceptsNothing) return { pointer, detail: 'No value is allowed here any more.' };
    return this.#compareKeywords(before, next) ?? this.#compareJoined(before, next);
  }

  #compareKeywords(before: SchemaFacts, next: SchemaNode): SchemaBreak | undefined {
    for (const name of next.keywords) {
      const keyword = COMPARED_KEYWORDS.get(name);
      const found = keyword && this.#compareKeyword(before, next, { name, keyword });
      if (found !== undefined) return found;
    }
    const has = (name: string): boolean => next.has(name);
    if (before.types.has('object') && MEMBER_KEYWORDS.some(has)) {
      const found = compareMembers(before, next, this.compare);
      if (found !== undefined) return found;
    }
    if (!before.types.has('array') || !ELEMENT_KEYWORDS.some(has)) return undefined;
    return compareElements(before, next, this.compare);
  }

  #compareKeyword(
    before: SchemaFacts,
    next: SchemaNode,
    { name, keyword }: { readonly name: string; readonly keyword: ComparedKeyword },
  ): SchemaBreak | undefined {
    const { types, test } = keyword;
    if (types !== undefined && !types.some((type) => before.types.has(type))) return undefined;
    const found = test(before, next, this.compare);
    if (typeof found !== 'string') return found;
    const pointer = `${next.pointer}/${name}`;
    return { pointer, detail: found === '' ? unproven(`The keyword ${shown(name)}`) : found };
  }

  #compareJoined(before: SchemaFacts, next: SchemaNode): SchemaBreak | undefined {
    for (const joined of next.joined()) {
      const found = joined.acceptsAll ? undefined : this.#compareNode(before, joined);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** Each name may be looked up in each of the old schemas. */
function costOf({ nodes }: SchemaFacts, next: SchemaNode): number {
  const isNamed = MEMBER_KEYWORDS.some((keyword) => next.has(keyword));
  const keyword = isNamed ? 'properties' : 'prefixItems';
  const names = [next, ...nodes].reduce((sum, node) => sum + node.names(keyword).length, 0);
  return 1 + nodes.length + (names * nodes.length) / LOOKUPS_PER_COMPARISON;
}

function unproven(subject: string): string {
  return `${subject} cannot be shown to accept what the old schema accepts.`;
}

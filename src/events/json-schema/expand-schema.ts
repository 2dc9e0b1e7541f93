/**
 * Puts what each reference refers to in its place, and counts what checking a value against the result costs.
 *
 * A small schema can stand for a huge one: thirty definitions of which each refers to the next one twice are a
 * thousand million schemas. So sizes are added up before anything is copied, once for each schema as it is written, and a
 * schema that refers to itself is refused.
 */
import { pointerOf, pointerTo, shown } from './json-pointer.ts';
import { SchemaFault, isObject, type Schema, type WrittenSchema } from './read-schema.ts';
import {
  ELEMENT_KEYWORDS,
  isAnnotation,
  KEYWORDS,
  MEMBER_KEYWORDS,
  type Keyword,
} from './schema-keywords.ts';

export interface ExpandedSchema {
  /** Without references and annotations. Schemas that are referred to more than once are the same object. */
  readonly schema: Schema;
  /**
   * Steps for each value that lies so many levels below the value that the schema is for. A schema at one place is
   * applied to a value once at most, and only to values at its own level: so the steps for a whole document are the sum over the
   * levels of steps times values.
   */
  readonly stepsByLevel: readonly number[];
  /** Keywords. */
  readonly size: number;
  /** Levels of schemas inside each other. */
  readonly height: number;
}

/** Compiling takes up to a fifth of a millisecond for each keyword. */
const EXPANDED_SIZE_MAX = 3_000;
/** What checks a value recurses that deep. */
const EXPANDED_HEIGHT_MAX = 64;
/** Visiting a member of a large object by its name is slow. */
const MEMBER_STEPS = 4;
/** A failure that is not the end of the check leaves an object behind. */
const TRIAL_STEPS = 16;

/**
 * Expands each schema of the whole by its pointer; '' is the root. Definitions that nothing refers to yet are among
 * them, because they may hold the same mistakes.
 *
 * @throws SchemaFault
 */
export function expandSchemas({ places }: WrittenSchema): Map<string, ExpandedSchema> {
  const expansion = new Expansion(places);
  const pointers = [...places.keys()];
  return new Map(pointers.map((pointer) => [pointer, expansion.expand(pointer)]));
}

class Expansion {
  readonly #places: ReadonlyMap<string, Schema>;
  readonly #done = new Map<string, ExpandedSchema>();
  readonly #open = new Set<string>();

  constructor(places: ReadonlyMap<string, Schema>) {
    this.#places = places;
  }

  expand(pointer: string): ExpandedSchema {
    const done = this.#done.get(pointer);
    if (done !== undefined) return done;
    const schema = this.#places.get(pointer);
    if (schema === undefined) throw new RangeError(`There is no schema at ${pointer}.`);
    this.#open.add(pointer);
    // Before the recursion is too deep, and so before the height is known.
    if (this.#open.size > EXPANDED_HEIGHT_MAX) throw tooDeep(pointer);
    const expanded = typeof schema === 'boolean' ? leaf(schema) : this.#build(schema, pointer);
    this.#open.delete(pointer);
    if (expanded.size > EXPANDED_SIZE_MAX) {
      const limit = EXPANDED_SIZE_MAX.toLocaleString('en');
      throw new SchemaFault(
        pointer,
        `With what it refers to, the schema has more than ${limit} keywords.`,
      );
    }
    if (expanded.height > EXPANDED_HEIGHT_MAX) throw tooDeep(pointer);
    this.#done.set(pointer, expanded);
    return expanded;
  }

  #build(schema: Readonly<Record<string, unknown>>, pointer: string): ExpandedSchema {
    const sum = new ExpansionSum();
    let target: Schema | undefined;
    for (const [name, value] of Object.entries(schema)) {
      const keyword = KEYWORDS.get(name);
      if (keyword === undefined || name === '$defs' || isAnnotation(name)) continue;
      const place = pointerTo(pointer, name);
      if (keyword.kind === 'ref') {
        const referred = this.#follow(String(value), place);
        sum.addChild(referred, keyword);
        target = referred.schema;
      } else {
        sum.addKeyword(name, value, keyword);
        sum.keep(name, this.#expandChildren(value, place, { keyword, sum }));
      }
    }
    return sum.total(target);
  }

  #expandChildren(
    value: unknown,
    pointer: string,
    { keyword, sum }: { readonly keyword: Keyword; readonly sum: ExpansionSum },
  ): unknown {
    const expandChild = (place: string): Schema => {
      const child = this.expand(place);
      sum.addChild(child, keyword);
      return child.schema;
    };
    if (keyword.kind === 'schema') return expandChild(pointer);
    if (!keyword.kind.startsWith('schemas')) return value;
    if (Array.isArray(value))
      return value.map((_, index) => expandChild(pointerTo(pointer, index)));
    const names = isObject(value) ? Object.keys(value) : [];
    return Object.fromEntries(names.map((name) => [name, expandChild(pointerTo(pointer, name))]));
  }

  #follow(ref: string, pointer: string): ExpandedSchema {
    const target = pointerOf(ref);
    if (target === undefined || !this.#places.has(target)) {
      throw new SchemaFault(pointer, `There is no schema at ${shown(ref)}.`);
    }
    if (this.#open.has(target)) {
      throw new SchemaFault(
        pointer,
        `The reference ${shown(ref)} leads back to itself; recursive schemas are not supported.`,
      );
    }
    return this.expand(target);
  }
}

/** One schema of an expansion while its keywords are read. */
class ExpansionSum {
  readonly #schema: Record<string, unknown> = {};
  readonly #steps = [1];
  #size = 0;
  #height = 0;

  addKeyword(name: string, value: unknown, keyword: Keyword): void {
    this.#size += 1;
    // Each name is looked up in each object, whether or not it is there.
    const isList = typeof value === 'object' && value !== null && keyword.kind !== 'value';
    const entryCount = isList && name !== 'enum' ? Object.keys(value).length : 1;
    this.#addSteps(0, 1 + entryCount);
    if (keyword.isLoop === true) this.#addSteps(1, MEMBER_STEPS * entryCount);
  }

  keep(name: string, value: unknown): void {
    this.#schema[name] = value;
  }

  addChild(child: ExpandedSchema, { isBelow, isTrial }: Keyword): void {
    const shift = isBelow === true ? 1 : 0;
    child.stepsByLevel.forEach((steps, level) => {
      this.#addSteps(level + shift, steps);
    });
    if (isTrial === true) this.#addSteps(shift, TRIAL_STEPS);
    this.#size += child.size;
    this.#height = Math.max(this.#height, child.height);
  }

  /** @param target What a reference in the schema refers to; it holds besides the other keywords. */
  total(target: Schema | undefined): ExpandedSchema {
    const own = this.#schema;
    // Each member may be compared with each name in the schema and in those that apply to the same value.
    if (Object.hasOwn(own, 'unevaluatedProperties')) this.#addSteps(1, this.#size);
    const isAlone = Object.keys(own).length === 0;
    const others = Array.isArray(own.allOf) ? (own.allOf as readonly Schema[]) : [];
    const joined = target === undefined ? own : { ...own, allOf: [...others, target] };
    return {
      schema: isAlone && target !== undefined ? target : withoutPitfalls(joined),
      stepsByLevel: this.#steps,
      size: this.#size + 1,
      height: this.#height + 1,
    };
  }

  #addSteps(level: number, steps: number): void {
    this.#steps[level] = (this.#steps[level] ?? 0) + steps;
  }
}

/**
 * The same schema in a form that ajv compiles rightly.
 *
 * - Where an array is shorter than `prefixItems`, its code leaves a variable unset and then skips `contains` and
 *   `uniqueItems`.
 * - `contains` without an upper end takes an empty array for what the array before it was.
 * - `patternProperties` beside alternatives throws when none of them has looked at members.
 */
function withoutPitfalls(schema: Readonly<Record<string, unknown>>): Schema {
  const hasNoEnd = Object.hasOwn(schema, 'contains') && !Object.hasOwn(schema, 'maxContains');
  let safe = hasNoEnd ? { ...schema, maxContains: Number.MAX_SAFE_INTEGER } : schema;
  if (Object.hasOwn(safe, 'prefixItems')) safe = apart(safe, ELEMENT_KEYWORDS);
  if (Object.hasOwn(safe, 'patternProperties')) safe = apart(safe, MEMBER_KEYWORDS);
  return safe;
}

/** Moves keywords to a schema of their own. */
function apart(
  schema: Readonly<Record<string, unknown>>,
  keywords: readonly string[],
): Record<string, unknown> {
  const entries = Object.entries(schema);
  const moved = entries.filter(([name]) => keywords.includes(name));
  const rest = Object.fromEntries(entries.filter(([name]) => !keywords.includes(name)));
  const allOf = (rest.allOf ?? []) as readonly Schema[];
  return { ...rest, allOf: [...allOf, Object.fromEntries(moved)] };
}

function tooDeep(pointer: string): SchemaFault {
  return new SchemaFault(
    pointer,
    `With what it refers to, the schema nests more than ${EXPANDED_HEIGHT_MAX} levels deep.`,
  );
}

function leaf(schema: boolean): ExpandedSchema {
  return { schema: schema ? {} : false, stepsByLevel: [1], size: 1, height: 1 };
}

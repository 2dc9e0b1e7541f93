/**
 * JSON Schemas of event types, which operators write, and the check of messages, which strangers send. Neither may stop
 * the process or keep it busy.
 *
 * The cost of a check is counted in steps, most of which take 10 to 70 ns:
 *
 * - Before the check: for each level of the data, its number of values times the steps of the schemas for that level. A
 *   schema has about two steps for each keyword and one for each member name, counted as often as references use it.
 * - During the check, what depends on text: a pattern costs its instructions times the length of the text; `enum`,
 *   `const` and `uniqueItems` cost two for each value that they compare.
 *
 * A check that needs more than `STEPS_MAX` fails. For example, 1,000 elements of 10 members each, with 40 steps for the
 * schema of a member, cost 400,000.
 */
import { expandSchemas, type ExpandedSchema } from './expand-schema.ts';
import { failure, failureOf, type Failure } from './failure-text.ts';
import { pointerTo, showablePointer, shown, shownPlain } from './json-pointer.ts';
import { createLinearAjv } from './linear-keywords.ts';
import { isObject, readSchema, SchemaFault, type WrittenSchema } from './read-schema.ts';

export type SchemaCheck =
  | { readonly ok: true }
  /** The pointer is to the wrong place in the schema. */
  | { readonly ok: false; readonly pointer: string; readonly detail: string };

export type DataCheck = { readonly ok: true } | Failure;

export interface CompiledEventSchema {
  /** Never changes the data, which is what `JSON.parse` returns. */
  validate(data: unknown): DataCheck;
  /** What the last check cost. */
  readonly stepsSpent: number;
}

/** A third of a second at worst. */
export const STEPS_MAX = 4_000_000;
/** Levels of brackets; the check recurses. */
export const DATA_DEPTH_MAX = 64;

/** Whether event types may use the schema. */
export function checkEventSchema(schema: unknown): SchemaCheck {
  try {
    compile(schema);
    return { ok: true };
  } catch (error) {
    if (!(error instanceof SchemaFault)) throw error;
    return { ok: false, pointer: showablePointer(error.pointer), detail: error.message };
  }
}

/**
 * Takes milliseconds, so compile a version once.
 *
 * @param schema Has passed `checkEventSchema`.
 * @throws SchemaFault It has not.
 */
export function compileEventSchema(schema: object): CompiledEventSchema {
  return compile(schema);
}

function compile(schema: unknown): CompiledEventSchema {
  const written = readSchema(schema);
  const root = expandSchemas(written).get('');
  if (root === undefined) throw new RangeError('A schema has no root.');
  return new EventSchema(written, root);
}

/** Of a check that is given up. */
const TOO_COSTLY =
  'The data is too large for the schema: to check it would take too long. Send less, or simplify the schema.';

const UNEVALUATED = ['unevaluatedProperties', 'unevaluatedItems'];

class StepsSpent extends Error {}

class EventSchema implements CompiledEventSchema {
  readonly #stepsByLevel: readonly number[];
  readonly #isUnevaluated: boolean;
  readonly #check;
  #stepsLeft = STEPS_MAX;

  constructor({ places, patterns }: WrittenSchema, { schema, size, stepsByLevel }: ExpandedSchema) {
    this.#stepsByLevel = stepsByLevel;
    this.#isUnevaluated = [...places.values()].some(
      (place) => isObject(place) && UNEVALUATED.some((keyword) => Object.hasOwn(place, keyword)),
    );
    const ajv = createLinearAjv({ patterns, size, isUnevaluated: this.#isUnevaluated }, (steps) => {
      this.#spend(steps);
    });
    try {
      this.#check = ajv.compile(schema);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new SchemaFault('', `The schema cannot be compiled: ${shownPlain(error.message)}.`);
    }
  }

  get stepsSpent(): number {
    return STEPS_MAX - Math.max(0, this.#stepsLeft);
  }

  validate(data: unknown): DataCheck {
    this.#stepsLeft = STEPS_MAX;
    try {
      const fault = this.#measure(data, 0);
      if (fault !== undefined) return failure(fault.pointer, fault.detail);
      if (this.#check(data)) return { ok: true };
    } catch (error) {
      if (error instanceof StepsSpent) return failure('', TOO_COSTLY);
      // A mistake in the code that ajv made of this schema. A message must not end the process.
      return failure('', `The check failed: ${shownPlain(String(error))}.`);
    }
    const errors = this.#check.errors ?? [];
    // They refer to the data.
    this.#check.errors = null;
    return failureOf(errors);
  }

  #spend(steps: number): void {
    this.#stepsLeft -= steps;
    if (this.#stepsLeft < 0) throw new StepsSpent();
  }

  /** Pays for each value as often as schemas may visit it. The place of a fault is put together on the way back. */
  #measure(value: unknown, level: number): DataFault | undefined {
    this.#spend(this.#stepsByLevel[level] ?? 0);
    if (typeof value === 'number' && !Number.isFinite(value)) {
      return { pointer: '', detail: 'The number is too large.' };
    }
    if (typeof value !== 'object' || value === null) return undefined;
    if (level === DATA_DEPTH_MAX) {
      return { pointer: '', detail: `The data nests more than ${DATA_DEPTH_MAX} levels deep.` };
    }
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index += 1) {
        const fault = this.#measure(value[index], level + 1);
        if (fault !== undefined) return within(index, fault);
      }
      return undefined;
    }
    return this.#measureMembers(value, level);
  }

  #measureMembers(value: object, level: number): DataFault | undefined {
    for (const name of Object.keys(value)) {
      // ajv takes members whose names every object inherits for evaluated ones.
      if (name === '__proto__' || (this.#isUnevaluated && name in Object.prototype)) {
        return { pointer: '', detail: `A member may not be called ${shown(name)}.` };
      }
      const fault = this.#measure((value as Record<string, unknown>)[name], level + 1);
      if (fault !== undefined) return within(name, fault);
    }
    return undefined;
  }
}

interface DataFault {
  readonly pointer: string;
  readonly detail: string;
}

function within(segment: string | number, { pointer, detail }: DataFault): DataFault {
  return { pointer: pointerTo('', segment) + pointer, detail };
}

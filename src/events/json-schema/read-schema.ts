/**
 * Reads a JSON Schema that an operator wrote: refuses what is too large, what is not 2020-12 and what event types may
 * not use. Nothing here depends on what references lead to.
 */
import { pointerTo, shown } from './json-pointer.ts';
import { readPattern, type LinearPattern } from './linear-pattern.ts';
import { FORMATS, KEYWORD_HINTS, KEYWORDS, TYPES, type KeywordKind } from './schema-keywords.ts';

export type SchemaObject = Readonly<Record<string, unknown>>;
export type Schema = SchemaObject | boolean;

export interface WrittenSchema {
  /** Every schema in it by its pointer; '' is the root. */
  readonly places: ReadonlyMap<string, Schema>;
  readonly patterns: ReadonlyMap<string, LinearPattern>;
}

/** What is wrong with a schema, and where. */
export class SchemaFault extends Error {
  readonly pointer: string;

  constructor(pointer: string, detail: string) {
    super(detail);
    this.pointer = pointer;
  }
}

/** It is read with each message of a new process, and kept in memory for each version. */
const SCHEMA_BYTES_MAX = 64 * 1024;
/** Levels of brackets; everything that reads a schema recurses. */
const SCHEMA_DEPTH_MAX = 32;
/** Compiling takes up to a fifth of a millisecond for each. */
const KEYWORD_COUNT_MAX = 2_000;
/** Of all patterns together: compiling them takes half a second at worst. */
const PATTERN_CHARACTERS_MAX = 10_000;
const PATTERN_INSTRUCTIONS_MAX = 20_000;
const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

/** @throws SchemaFault */
export function readSchema(schema: unknown): WrittenSchema {
  if (!isObject(schema)) throw new SchemaFault('', 'A schema must be a JSON object.');
  refuseDeep(schema, '', 1);
  const sizeBytes = Buffer.byteLength(JSON.stringify(schema));
  if (sizeBytes > SCHEMA_BYTES_MAX) {
    const limit = `${SCHEMA_BYTES_MAX / 1024} KiB of JSON`;
    throw new SchemaFault('', `A schema may have at most ${limit}; this one has ${sizeBytes} B.`);
  }
  const reader = new SchemaReader();
  reader.read(schema, '');
  return reader;
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Refuses also what no JSON text should hold: numbers that are not finite, and a member that sets a prototype. */
function refuseDeep(value: unknown, pointer: string, depth: number): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new SchemaFault(pointer, 'The number is too large.');
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > SCHEMA_DEPTH_MAX) {
    throw new SchemaFault(pointer, `A schema may nest at most ${SCHEMA_DEPTH_MAX} levels deep.`);
  }
  for (const [name, member] of Object.entries(value)) {
    if (name === '__proto__') {
      throw new SchemaFault(pointer, 'A member may not be called "__proto__".');
    }
    refuseDeep(member, pointerTo(pointer, name), depth + 1);
  }
}

class SchemaReader implements WrittenSchema {
  readonly places = new Map<string, Schema>();
  readonly patterns = new Map<string, LinearPattern>();
  #keywordCount = 0;
  #patternCharacterCount = 0;
  #patternInstructionCount = 0;

  read(schema: unknown, pointer: string): void {
    if (typeof schema !== 'boolean' && !isObject(schema)) {
      throw new SchemaFault(pointer, 'A schema must be an object, true or false.');
    }
    this.places.set(pointer, schema);
    if (typeof schema === 'boolean') return;
    for (const [name, value] of Object.entries(schema)) {
      this.#readKeyword(schema, name, { value, pointer: pointerTo(pointer, name) });
    }
  }

  #readKeyword(schema: SchemaObject, name: string, { value, pointer }: Place): void {
    this.#keywordCount += 1;
    if (this.#keywordCount > KEYWORD_COUNT_MAX) {
      const limit = KEYWORD_COUNT_MAX.toLocaleString('en');
      throw new SchemaFault(pointer, `A schema may have at most ${limit} keywords.`);
    }
    const keyword = KEYWORDS.get(name);
    if (keyword === undefined) {
      const hint = KEYWORD_HINTS.get(name) ?? 'Only JSON Schema 2020-12 is supported.';
      throw new SchemaFault(pointer, `The keyword ${shown(name)} is not supported. ${hint}`);
    }
    const { kind, needs } = keyword;
    if (needs !== undefined && !Object.hasOwn(schema, needs)) {
      throw new SchemaFault(pointer, `The keyword ${name} means nothing without ${needs}.`);
    }
    if (name === 'if' && !Object.hasOwn(schema, 'then') && !Object.hasOwn(schema, 'else')) {
      throw new SchemaFault(pointer, 'The keyword if means nothing without then or else.');
    }
    const wanted = WANTED[kind];
    if (wanted !== undefined && !wanted.isRight(value)) {
      throw new SchemaFault(pointer, `The keyword ${name} must be ${wanted.what}.`);
    }
    this.#readContent(kind, value, pointer);
  }

  #readContent(kind: KeywordKind, value: unknown, pointer: string): void {
    if (kind === 'schema') this.read(value, pointer);
    else if (kind === 'pattern') this.#readPattern(String(value), pointer);
    else if (kind === 'draft' && pointer !== '/$schema') {
      throw new SchemaFault(pointer, 'Only the root of a schema may have $schema.');
    } else if (kind.startsWith('schemas') && typeof value === 'object' && value !== null) {
      for (const [name, schema] of Object.entries(value)) {
        const place = pointerTo(pointer, name);
        if (kind === 'schemasByPattern') this.#readPattern(name, place);
        this.read(schema, place);
      }
    }
  }

  #readPattern(text: string, pointer: string): void {
    if (this.patterns.has(text)) return;
    const pattern = readPattern(text);
    if (typeof pattern === 'string') throw new SchemaFault(pointer, pattern);
    this.#patternCharacterCount += text.length;
    this.#patternInstructionCount += pattern.instructionCount;
    const isTooMuch =
      this.#patternCharacterCount > PATTERN_CHARACTERS_MAX ||
      this.#patternInstructionCount > PATTERN_INSTRUCTIONS_MAX;
    if (isTooMuch) throw new SchemaFault(pointer, 'The patterns of the schema are too large.');
    this.patterns.set(text, pattern);
  }
}

interface Place {
  readonly value: unknown;
  readonly pointer: string;
}

interface Wanted {
  readonly what: string;
  isRight(value: unknown): boolean;
}

const TEXT: Wanted = { what: 'a string', isRight: (value) => typeof value === 'string' };
const NAMES: Wanted = {
  what: 'an array of different member names other than "__proto__"',
  isRight: isNames,
};
const SCHEMAS_BY_NAME: Wanted = { what: 'an object of schemas', isRight: isObject };

const WANTED: Readonly<Partial<Record<KeywordKind, Wanted>>> = {
  text: TEXT,
  pattern: TEXT,
  ref: {
    what: '"#" and a JSON pointer, for example "#/$defs/address": only parts of the same schema can be referred to',
    isRight: (value) => typeof value === 'string' && /^#(\/|$)/.test(value),
  },
  draft: {
    what: `"${DRAFT}"`,
    isRight: (value) => value === DRAFT || value === `${DRAFT}#`,
  },
  yesOrNo: { what: 'true or false', isRight: (value) => typeof value === 'boolean' },
  number: { what: 'a number', isRight: (value) => typeof value === 'number' },
  positive: {
    what: 'a number above 0',
    isRight: (value) => typeof value === 'number' && value > 0,
  },
  count: {
    what: 'a whole number, 0 or more',
    isRight: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  },
  type: {
    what: `one or more different ones of ${[...TYPES].join(', ')}`,
    isRight: (value) => {
      const types: readonly unknown[] = Array.isArray(value) ? value : [value];
      const isKnown = types.every((type) => TYPES.has(type));
      return isKnown && types.length > 0 && new Set(types).size === types.length;
    },
  },
  format: {
    what: `one of ${FORMATS.join(', ')}`,
    isRight: (value) => FORMATS.some((format) => format === value),
  },
  names: NAMES,
  namesByName: {
    what: 'an object of arrays of different member names',
    isRight: (value) => isObject(value) && Object.values(value).every(isNames),
  },
  values: {
    what: 'an array of one or more values',
    isRight: (value) => Array.isArray(value) && value.length > 0,
  },
  schemas: {
    what: 'an array of one or more schemas',
    isRight: (value) => Array.isArray(value) && value.length > 0,
  },
  schemasByName: SCHEMAS_BY_NAME,
  schemasByPattern: SCHEMAS_BY_NAME,
};

function isNames(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const names: readonly unknown[] = value;
  const areTexts = names.every((name) => typeof name === 'string' && name !== '__proto__');
  return areTexts && new Set(names).size === names.length;
}

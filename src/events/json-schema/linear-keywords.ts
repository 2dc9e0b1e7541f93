/**
 * ajv with its dangerous parts replaced: keywords that take quadratic time or call methods of the data (`enum`, `const`
 * and `uniqueItems` compare with `data.valueOf()`), and everything that reads long text. Each replacement pays for
 * what it does from a budget.
 */
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { Ajv2020, _, type Format, type KeywordErrorDefinition } from 'ajv/dist/2020.js';
import { canonicalJson, type Spend } from './canonical-json.ts';
import { isMultipleOf } from './exact-multiple.ts';
import type { LinearPattern } from './linear-pattern.ts';
import { FORMATS } from './schema-keywords.ts';

/** Some of the expressions of ajv-formats take quadratic time. No real value of a format is longer. */
const FORMAT_LENGTH_MAX = 2_048;
/** Optimising makes a small schema twice as fast, and takes most of the time in which a large one is compiled. */
const OPTIMIZED_SIZE_MAX = 300;
/** A call of a regular expression costs that many characters before it reads the first. */
const CALL_CHARACTERS = 8;
/** Instructions times characters: one takes about 12 ns. */
const PATTERN_WORK_PER_STEP = 4;
/** Of a number that is not whole. */
const MULTIPLE_STEPS = 60;
const CHARACTERS_PER_STEP = 16;

/** The name of the member of an error's `params` that holds the value of a replaced keyword. */
const error: KeywordErrorDefinition = {
  message: '',
  params: ({ schemaCode }) => _`{expected: ${schemaCode}}`,
};

export interface LinearAjvOptions {
  readonly patterns: ReadonlyMap<string, LinearPattern>;
  /** Keywords of the schema. */
  readonly size: number;
  /** Whether it has `unevaluatedProperties` or `unevaluatedItems`. */
  readonly isUnevaluated: boolean;
}

/** Makes an ajv that changes no data, stops at the first error, and compiles one schema. */
export function createLinearAjv(options: LinearAjvOptions, spend: Spend): Ajv2020 {
  const { patterns, size, isUnevaluated } = options;
  const ajv = new Ajv2020({
    strict: true,
    // These three refuse sound schemas: `required` beside `$ref`, `properties` in an `if`, open tuples.
    strictTypes: false,
    strictRequired: false,
    strictTuples: false,
    // Otherwise ajv tests names against patterns with `new RegExp` when it compiles.
    allowMatchingProperties: true,
    // Otherwise `constructor` is a member of every object.
    ownProperties: true,
    meta: false,
    validateSchema: false,
    messages: false,
    logger: false,
    code: { optimize: size <= OPTIMIZED_SIZE_MAX, regExp: createPatternEngine(patterns, spend) },
  });
  // The constructor always turns it on, and every schema would pay for it.
  ajv.opts.unevaluated = isUnevaluated;
  for (const format of FORMATS) ajv.addFormat(format, limitedFormat(fullFormats[format], spend));
  replaceKeywords(ajv, spend);
  return ajv;
}

function createPatternEngine(patterns: ReadonlyMap<string, LinearPattern>, spend: Spend) {
  const engine = (source: string) => {
    const pattern = patterns.get(source);
    if (pattern === undefined) throw new RangeError(`The pattern ${source} has not been read.`);
    const test = (text: string): boolean => {
      spend((pattern.instructionCount * (CALL_CHARACTERS + text.length)) / PATTERN_WORK_PER_STEP);
      return pattern.test(text);
    };
    // ajv keeps patterns by their text.
    return { test, toString: () => source };
  };
  return Object.assign(engine, { code: 'linearPattern' });
}

function limitedFormat(format: Format, spend: Spend): Format {
  const test = testOf(format);
  return (text: string) => {
    if (text.length > FORMAT_LENGTH_MAX) return false;
    spend(CALL_CHARACTERS + text.length);
    return test(text);
  };
}

function testOf(format: Format): (text: string) => boolean {
  const validate =
    typeof format === 'object' && !(format instanceof RegExp) ? format.validate : format;
  if (validate instanceof RegExp) return (text) => validate.test(text);
  if (typeof validate !== 'function') throw new RangeError('A format of ajv-formats has no test.');
  return validate as (text: string) => boolean;
}

function replaceKeywords(ajv: Ajv2020, spend: Spend): void {
  const replace = (
    keyword: string,
    type: 'string' | 'number' | 'array' | undefined,
    compile: (expected: unknown) => (data: unknown) => boolean,
  ): void => {
    const definition = { keyword, compile, error, errors: false };
    ajv.removeKeyword(keyword);
    ajv.addKeyword(type === undefined ? definition : { ...definition, type });
  };
  replace('enum', undefined, (values) => isOneOf(values as readonly unknown[], spend));
  replace('const', undefined, (value) => isOneOf([value], spend));
  replace('uniqueItems', 'array', (isWanted) => {
    if (isWanted === false) return () => true;
    return (items) => areUnique(items as readonly unknown[], spend);
  });
  replace('multipleOf', 'number', (divisor) => (value) => {
    spend(Number.isSafeInteger(value) && Number.isSafeInteger(divisor) ? 1 : MULTIPLE_STEPS);
    return isMultipleOf(Number(value), Number(divisor));
  });
  replace('maxLength', 'string', (limit) => (text) => {
    return !isLonger(String(text), Number(limit), spend);
  });
  replace('minLength', 'string', (limit) => (text) => {
    return Number(limit) === 0 || isLonger(String(text), Number(limit) - 1, spend);
  });
}

/** Looks a value up, however many there are. */
function isOneOf(values: readonly unknown[], spend: Spend): (data: unknown) => boolean {
  const free: Spend = () => undefined;
  const simple = new Set(values.filter((value) => !isContainer(value)));
  const containers = new Set(values.filter(isContainer).map((value) => canonicalJson(value, free)));
  return (data) => {
    if (!isContainer(data)) return simple.has(data);
    return containers.size > 0 && containers.has(canonicalJson(data, spend));
  };
}

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function areUnique(items: readonly unknown[], spend: Spend): boolean {
  if (items.length < 2) return true;
  const seen = new Set<string>();
  for (const item of items) {
    const text = canonicalJson(item, spend);
    if (seen.has(text)) return false;
    seen.add(text);
  }
  return true;
}

/** Whether a text has more than `limit` code points, of which each is one or two characters. */
function isLonger(text: string, limit: number, spend: Spend): boolean {
  if (text.length <= limit) return false;
  if (text.length > 2 * limit) return true;
  spend(text.length / CHARACTERS_PER_STEP);
  let count = 0;
  for (let at = 0; at < text.length && count <= limit; count += 1) {
    at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  }
  return count > limit;
}

/** Turns an error of ajv into a place and a sentence. */
import type { ErrorObject } from 'ajv';
import { pointerTo, shown, showablePointer } from './json-pointer.ts';

export interface Failure {
  readonly ok: false;
  /** To the wrong place in the data, or to a place above it when it cannot be shown. '' is the root. */
  readonly pointer: string;
  /** One sentence of bounded length without control characters. */
  readonly detail: string;
}

export function failure(pointer: string, detail: string): Failure {
  return { ok: false, pointer: showablePointer(pointer), detail };
}

/** @param errors In the order in which ajv met them: the last is why the whole failed. */
export function failureOf(errors: readonly ErrorObject[]): Failure {
  // An error of `if` says only that what `then` or `else` says does not hold; that comes before it.
  const error = errors.findLast(({ keyword }) => keyword !== 'if') ?? errors.at(-1);
  if (error === undefined) return failure('', 'The value does not match the schema.');
  const params = error.params as Readonly<Record<string, unknown>>;
  const extra = params.additionalProperty ?? params.unevaluatedProperty;
  const { instancePath } = error;
  const pointer = typeof extra === 'string' ? pointerTo(instancePath, extra) : instancePath;
  return failure(pointer, detailOf(error.keyword, params));
}

function detailOf(keyword: string, params: Readonly<Record<string, unknown>>): string {
  const fact = (name: string): string => shown(params[name]);
  const text = DETAILS[keyword];
  return text === undefined ? `The value fails the keyword ${keyword}.` : text(fact);
}

const DETAILS: Readonly<Record<string, (fact: (name: string) => string) => string>> = {
  'false schema': () => 'No value is allowed here.',
  type: (fact) => `The value must be of type ${fact('type')}.`,
  enum: (fact) => `The value must be one of ${fact('expected')}.`,
  const: (fact) => `The value must be ${fact('expected')}.`,
  multipleOf: (fact) => `The value must be a multiple of ${fact('expected')}.`,
  maximum: (fact) => `The value must be at most ${fact('limit')}.`,
  minimum: (fact) => `The value must be at least ${fact('limit')}.`,
  exclusiveMaximum: (fact) => `The value must be below ${fact('limit')}.`,
  exclusiveMinimum: (fact) => `The value must be above ${fact('limit')}.`,
  maxLength: (fact) => `The text must have at most ${fact('expected')} characters.`,
  minLength: (fact) => `The text must have at least ${fact('expected')} characters.`,
  pattern: (fact) => `The text must match the pattern ${fact('pattern')}.`,
  format: (fact) => `The text must be of the format ${fact('format')}.`,
  maxItems: (fact) => `The array must have at most ${fact('limit')} elements.`,
  minItems: (fact) => `The array must have at least ${fact('limit')} elements.`,
  items: (fact) => `The array must have at most ${fact('limit')} elements.`,
  uniqueItems: () => 'The array must not have two equal elements.',
  contains: (fact) =>
    `The array has too few or too many elements of the kind that it must contain; at least ${fact('minContains')} are needed.`,
  unevaluatedItems: (fact) => `The array must have at most ${fact('limit')} elements.`,
  maxProperties: (fact) => `The object must have at most ${fact('limit')} members.`,
  minProperties: (fact) => `The object must have at least ${fact('limit')} members.`,
  required: (fact) => `The member ${fact('missingProperty')} is missing.`,
  dependentRequired: (fact) =>
    `The member ${fact('missingProperty')} is missing, which ${fact('property')} needs.`,
  additionalProperties: (fact) => `The member ${fact('additionalProperty')} is not allowed.`,
  unevaluatedProperties: (fact) => `The member ${fact('unevaluatedProperty')} is not allowed.`,
  propertyNames: (fact) => `A member may not be called ${fact('propertyName')}.`,
  anyOf: () => 'The value matches none of the allowed alternatives.',
  oneOf: (fact) =>
    fact('passingSchemas') === 'null'
      ? 'The value matches none of the allowed alternatives.'
      : 'The value matches more than one of the alternatives that exclude each other.',
  not: () => 'The value matches what is not allowed.',
  if: () => 'The value does not match what its condition demands.',
};

/** Says in plain English what a validator found, and what is allowed. */
import { closestName } from './closest-name.ts';
import { TEXT_PATTERN } from './text-schema.ts';

/** One keyword of a schema that a value fails, as Ajv reports it when it is verbose. */
export interface KeywordFailure {
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** The schema with the keyword. */
  readonly parentSchema?: SchemaPart;
  /** The value that fails. */
  readonly data?: unknown;
}

interface SchemaPart {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly properties?: object;
  readonly anyOf?: readonly SchemaPart[];
  readonly minLength?: number;
  readonly maxLength?: number;
}

const PATTERNS: Readonly<Record<string, string>> = {
  [TEXT_PATTERN]: 'must not contain control characters',
  '^[^\\u0000]*$': 'must not contain the character U+0000',
  '^[A-Z]{3}$': 'must be three capital letters such as USD',
  '^(0|[1-9][0-9]{0,10})(\\.[0-9]{1,9})?$':
    'must be a decimal such as 2.5, with at most 11 digits before the point and 9 after it',
  '^[a-z][a-z0-9_]{0,31}$':
    'must be a word such as count: 1 to 32 of a-z, 0-9 and _, with a letter at the beginning',
  '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$':
    'must be a name such as invoice.paid: 1 to 128 of A-Z, a-z, 0-9 and . _ : -, with a letter or a digit at the beginning',
  '^(?!\\.{1,2}$)[A-Za-z0-9_.@-]{1,64}$': 'must be 1 to 64 letters, digits, . _ @ -',
  '^(0|[1-9][0-9]{0,18})$': 'must be a whole number from 0, with at most 19 digits',
  '^[1-9][0-9]{0,18}$': 'must be a whole number from 1, with at most 19 digits',
  // Cursors.
  '^[1-9][0-9]{0,17}$': 'must be `next` of the page before',
  '^[a-z][a-z0-9_]{0,31}\\.[^\\u0000-\\u001f\\u007f-\\u009f]+$':
    'must be `next` of the page before',
  '^[1-9]\\d{0,8}$': 'must be a whole number from 1, with at most 9 digits',
};

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': 'must be an RFC 3339 instant such as 2026-01-31T13:00:00Z',
  email: 'must be an email address such as billing@acme.example',
  uuid: 'must be a UUID such as 6c1de0a2-94f3-4f6c-9c3b-5f1a2b7e8d90',
};

const TYPES: Readonly<Record<string, string>> = {
  array: 'an array',
  boolean: 'true or false',
  integer: 'a whole number',
  null: 'null',
  number: 'a number',
  object: 'a JSON object',
  string: 'a text in double quotes',
};

type Wording = (failure: KeywordFailure, part: string) => string | undefined;

/** Undefined: a pattern or a format that nobody has described. */
const WORDINGS: Readonly<Record<string, Wording>> = {
  required: () => 'is required',
  additionalProperties: unknownName,
  type: wrongType,
  anyOf: ({ parentSchema }) => `must be ${alternativesOf(parentSchema?.anyOf ?? [])}`,
  enum: ({ params }) => `must be one of ${(params.allowedValues as unknown[]).join(', ')}`,
  const: ({ params }) => `must be ${JSON.stringify(params.allowedValue)}`,
  format: ({ params }, part) => {
    const wording = FORMATS[String(params.format)];
    const isInUrl = part === 'querystring' && params.format === 'date-time';
    return isInUrl ? `${wording} (in a URL write + as %2B)` : wording;
  },
  pattern: ({ params }) => PATTERNS[String(params.pattern)],
  minimum: ({ params }) => `must be at least ${String(params.limit)}`,
  maximum: ({ params }) => `must be at most ${String(params.limit)}`,
  minLength: (failure) => wrongLength(failure) ?? atLeast(failure, 'characters'),
  maxLength: (failure) => wrongLength(failure) ?? atMost(failure, 'characters'),
  minItems: (failure) => atLeast(failure, 'elements'),
  maxItems: (failure) => atMost(failure, 'elements'),
  uniqueItems: () => 'must not have two equal elements',
  minProperties: (failure) => atLeast(failure, 'members'),
  maxProperties: (failure) => atMost(failure, 'members'),
};

/** @param part `body`, `querystring` or `params`. @returns What follows the name of the field. */
export function failureWording(failure: KeywordFailure, part: string): string {
  return WORDINGS[failure.keyword]?.(failure, part) ?? 'is not valid';
}

/** By the keyword or, for patterns and formats, by its value too. For the test that all of them have one. */
export function hasWording(keyword: string, value: unknown): boolean {
  if (keyword === 'pattern') return Object.hasOwn(PATTERNS, String(value));
  if (keyword === 'format') return Object.hasOwn(FORMATS, String(value));
  if (keyword === 'type') return [value].flat().every((type) => Object.hasOwn(TYPES, String(type)));
  return Object.hasOwn(WORDINGS, keyword);
}

function unknownName({ params, parentSchema }: KeywordFailure, part: string): string {
  const known = Object.keys(parentSchema?.properties ?? {});
  const meant = closestName(String(params.additionalProperty), known);
  const what = part === 'querystring' ? 'query parameter' : 'field';
  return `is not a known ${what}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

function wrongType({ params, data }: KeywordFailure, part: string): string {
  if (part === 'querystring' && Array.isArray(data)) return 'must be given only once';
  const types = params.type as string | readonly string[];
  return `must be ${alternativesOf([types].flat().map((type) => ({ type })))}`;
}

function alternativesOf(schemas: readonly SchemaPart[]): string {
  const texts = schemas.map((schema) =>
    'const' in schema
      ? JSON.stringify(schema.const)
      : [schema.type ?? []]
          .flat()
          .map((type) => TYPES[type])
          .join(' or '),
  );
  return [...new Set(texts)].join(' or ');
}

function wrongLength({ parentSchema }: KeywordFailure): string | undefined {
  const { minLength, maxLength } = parentSchema ?? {};
  if (minLength === undefined || minLength !== maxLength) return undefined;
  return `must have exactly ${minLength} characters`;
}

function atLeast({ params }: KeywordFailure, what: string): string {
  return params.limit === 1
    ? 'must not be empty'
    : `must have at least ${String(params.limit)} ${what}`;
}

function atMost({ params }: KeywordFailure, what: string): string {
  const things = params.limit === 1 ? what.slice(0, -1) : what;
  return `must have at most ${String(params.limit)} ${things}`;
}

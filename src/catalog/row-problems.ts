/** What is wrong with a row of a file, for people who do not read schemas. */
import type { FastifySchemaValidationError } from 'fastify';
import { fieldProblems } from '../http/validation.ts';

/** How many problems of one row are told. */
const PROBLEMS_MAX = 20;

const DECIMAL = 'a decimal such as 2.5';
const QUOTED_DECIMAL = 'a decimal in double quotes such as "2.5"';
/** What the pattern of a member means, by its name. */
const PATTERNS: Readonly<Record<string, string>> = {
  unit_amount: `must be ${DECIMAL}, with at most 11 digits before the point and 9 after it`,
  currency: 'must be three capital letters such as USD',
  dimension:
    'must be a word such as count: 1 to 32 of a-z, 0-9 and _, with a letter at the beginning',
};
const TYPES: Readonly<Record<string, string>> = {
  boolean: 'must be true or false',
  object: 'must be an object, see docs/orders.md',
  array: 'must be a list, see docs/orders.md',
  integer: 'must be a whole number, or null for no end',
  string: 'must be a text in double quotes',
};
const FORMATS: Readonly<Record<string, string>> = {
  email: 'must be an email address such as billing@acme.example',
  'date-time': 'must be an RFC 3339 instant such as 2026-01-31T13:00:00Z',
};

/** Longer than any member may be. Patterns are not tried on such texts: the engine has limits. */
const TEXT_LENGTH_MAX = 10_000;

/** @returns What is wrong with members that are far too long. */
export function lengthProblems(row: unknown): string[] {
  return Object.entries(row ?? {}).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'string' && value.length > TEXT_LENGTH_MAX
      ? [`${name.slice(0, 100)}: must not have ${value.length.toLocaleString('en')} characters`]
      : [],
  );
}

/** @param failures What Ajv found. @returns A sentence for each, with the name of its member. */
export function rowProblems(failures: readonly FastifySchemaValidationError[]): string[] {
  return failures
    .filter((failure) => !isOtherBranch(failure))
    .slice(0, PROBLEMS_MAX)
    .flatMap((failure) =>
      fieldProblems([failure], 'the row').map(
        ({ field, message }) => `${field}: ${messageOf(failure) ?? message}`,
      ),
    );
}

/** Of what may be null, the other branch tells what is wrong. */
function isOtherBranch({ keyword, params }: FastifySchemaValidationError): boolean {
  return keyword === 'anyOf' || (keyword === 'type' && params.type === 'null');
}

/** Undefined: what the API says will do. */
function messageOf({
  keyword,
  params,
  instancePath,
}: FastifySchemaValidationError): string | undefined {
  const name = instancePath.slice(instancePath.lastIndexOf('/') + 1);
  const limit = String(params.limit);
  switch (keyword) {
    case 'type':
      return params.type === 'string' && ['unit_amount', 'factor'].includes(name)
        ? `must be ${QUOTED_DECIMAL}`
        : TYPES[String(params.type)];
    case 'pattern':
      return PATTERNS[name];
    case 'format':
      return FORMATS[String(params.format)];
    case 'minLength':
      return 'must not be empty';
    case 'maxLength':
      return `must have at most ${limit} characters`;
    case 'minItems':
      return 'must not be empty';
    case 'maxItems':
      return `must have at most ${limit} elements`;
    case 'minimum':
      return `must be at least ${limit}`;
    case 'maximum':
      return `must be at most ${limit}`;
    default:
      return undefined;
  }
}

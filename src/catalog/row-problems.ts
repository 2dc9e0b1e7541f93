/** What is wrong with a row of a file, for people who do not read schemas. */
import type { FastifySchemaValidationError } from 'fastify';
import { fieldProblems, withoutOtherBranches } from '../http/validation.ts';

/** How many problems of one row are told. */
const PROBLEMS_MAX = 20;

const TYPES: Readonly<Record<string, string>> = {
  object: 'must be an object, see docs/orders.md',
  array: 'must be a list, see docs/orders.md',
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
  return withoutOtherBranches(failures)
    .slice(0, PROBLEMS_MAX)
    .flatMap((failure) =>
      fieldProblems([failure], 'the row').map(
        ({ field, message }) => `${field}: ${messageOf(failure) ?? message}`,
      ),
    );
}

/** Undefined: what the API says will do. */
function messageOf({
  keyword,
  params,
  instancePath,
}: FastifySchemaValidationError): string | undefined {
  const name = instancePath.slice(instancePath.lastIndexOf('/') + 1);
  if (keyword === 'anyOf' && name === 'up_to') return 'must be a whole number, or null for no end';
  if (keyword !== 'type') return undefined;
  return params.type === 'string' && ['unit_amount', 'factor'].includes(name)
    ? 'must be a decimal in double quotes such as "2.5"'
    : TYPES[String(params.type)];
}

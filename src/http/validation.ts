/** Validates requests against their schemas: nothing is coerced or dropped, and every invalid field is named. */
import type { FastifyInstance, FastifySchemaValidationError } from 'fastify';
import { failureWording, type KeywordFailure } from './failure-wording.ts';
import type { FieldProblem } from './problems.ts';

/** How many invalid fields one answer names. */
const FIELDS_MAX = 20;
const NAME_LENGTH_MAX = 100;

/** A decimal integer, short enough to be a safe integer. */
const INTEGER = /^-?(?:0|[1-9]\d{0,14})$/;

/**
 * Parses the integers and lists of query strings before validation. A list is a parameter that may be repeated; given
 * once, it is a list of one.
 *
 * Ajv could coerce them, but it turns `1e400` into Infinity and then skips the bounds.
 */
export function addQueryReading(app: FastifyInstance): void {
  app.addHook('preValidation', (request, _reply, done) => {
    const schema = request.routeOptions.schema?.querystring as QuerySchema | undefined;
    const query = request.query as Record<string, unknown>;
    for (const [name, { type }] of Object.entries(schema?.properties ?? {})) {
      const text = query[name];
      if (type === 'integer' && typeof text === 'string' && INTEGER.test(text)) {
        query[name] = Number(text);
      }
      if (type === 'array' && typeof text === 'string') query[name] = [text];
    }
    done();
  });
}

interface QuerySchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string }>>;
}

/** Describes the fields that Ajv refused, for the caller. */
export function fieldProblems(
  failures: readonly FastifySchemaValidationError[],
  part: string,
): FieldProblem[] {
  return withoutOtherBranches(failures)
    .slice(0, FIELDS_MAX)
    .map((failure) => ({
      field: fieldOf(failure) ?? part,
      // Ajv adds the schema and the value, because it is set to be verbose.
      message: failureWording(failure as KeywordFailure, part),
    }));
}

/**
 * Of alternatives, keeps what is wrong with the one whose type the value has. If the value has none of their types, keeps
 * only the failure that says so.
 *
 * Ajv reports the failures of all alternatives right before that of `anyOf`.
 */
export function withoutOtherBranches(
  failures: readonly FastifySchemaValidationError[],
): FastifySchemaValidationError[] {
  const kept: FastifySchemaValidationError[] = [];
  for (const failure of failures) {
    if (failure.keyword !== 'anyOf') {
      kept.push(failure);
      continue;
    }
    const isInside = ({ schemaPath, instancePath }: FastifySchemaValidationError) =>
      schemaPath.startsWith(`${failure.schemaPath}/`) &&
      `${instancePath}/`.startsWith(`${failure.instancePath}/`);
    const start = kept.findLastIndex((one) => !isInside(one)) + 1;
    const meant = failuresOfMeantBranch(kept.splice(start), failure);
    kept.push(...(meant.length === 0 ? [failure] : meant));
  }
  return kept;
}

function failuresOfMeantBranch(
  inside: readonly FastifySchemaValidationError[],
  { schemaPath, instancePath }: FastifySchemaValidationError,
): FastifySchemaValidationError[] {
  const branchOf = (one: FastifySchemaValidationError) =>
    one.schemaPath.slice(schemaPath.length + 1).split('/', 1)[0];
  const others = new Set(
    inside
      .filter((one) => one.keyword === 'type' && one.instancePath === instancePath)
      .map(branchOf),
  );
  const [first] = inside.filter((one) => !others.has(branchOf(one)));
  return first === undefined ? [] : inside.filter((one) => branchOf(one) === branchOf(first));
}

function fieldOf({ instancePath, params }: FastifySchemaValidationError): string | undefined {
  const child = params.missingProperty ?? params.additionalProperty;
  const names = instancePath.split('/').slice(1).map(unescapePointer);
  if (typeof child === 'string') names.push(child);
  return names.length === 0 ? undefined : names.map(shorten).join('.');
}

/** RFC 6901: ~1 is a slash, ~0 a tilde. */
function unescapePointer(name: string): string {
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** An unknown name may be as long as the body. */
function shorten(name: string): string {
  return name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX)}…` : name;
}

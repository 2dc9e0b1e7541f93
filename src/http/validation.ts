/** Validates requests against their schemas: nothing is coerced or dropped, and every invalid field is named. */
import type { FastifyInstance, FastifySchemaValidationError } from 'fastify';
import { closestName } from './closest-name.ts';
import { TEXT_PATTERN } from './text-schema.ts';
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
  return failures.slice(0, FIELDS_MAX).map((failure) => ({
    field: fieldOf(failure) ?? part,
    message: messageOf(failure, part),
  }));
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

function messageOf(failure: FastifySchemaValidationError, part: string): string {
  const { keyword, params, message } = failure;
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties': {
      const meant = closestName(String(params.additionalProperty), knownNames(failure));
      const what = part === 'querystring' ? 'query parameter' : 'field';
      return `is not a known ${what}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
    }
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`;
    case 'format':
      return params.format === 'date-time'
        ? 'must be an RFC 3339 instant such as 2026-01-31T13:00:00Z (in a URL write + as %2B)'
        : `must be a ${String(params.format)}`;
    case 'pattern':
      return params.pattern === TEXT_PATTERN
        ? 'must not contain control characters'
        : `must match ${String(params.pattern)}${exampleOf(failure)}`;
    default:
      return message ?? 'is not valid';
  }
}

/** Ajv adds the schema because it is set to be verbose. */
function schemaOf(failure: FastifySchemaValidationError): SchemaPart {
  return (failure as { parentSchema?: SchemaPart }).parentSchema ?? {};
}

interface SchemaPart {
  readonly properties?: object;
  readonly examples?: readonly unknown[];
}

function knownNames(failure: FastifySchemaValidationError): string[] {
  return Object.keys(schemaOf(failure).properties ?? {});
}

function exampleOf(failure: FastifySchemaValidationError): string {
  const [example] = schemaOf(failure).examples ?? [];
  return typeof example === 'string' ? `, such as ${example}` : '';
}

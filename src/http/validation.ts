/** Validates requests against their schemas: nothing is coerced or dropped, and every invalid field is named. */
import type { FastifyInstance, FastifySchemaValidationError } from 'fastify';
import { TEXT_PATTERN } from './text-schema.ts';
import type { FieldProblem } from './problems.ts';

/**
 * Options for Ajv. Fastify's defaults turn null into 0, turn "7" and [5] into numbers, and drop misspelt fields. On a
 * bill each of these is a wrong amount.
 */
export const AJV_OPTIONS = {
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: true,
  allErrors: true,
} as const;

/** How many invalid fields one answer names. */
const FIELDS_MAX = 20;

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
    field: fieldOf(failure) ?? (part === 'body' ? 'body' : part),
    message: messageOf(failure, part),
  }));
}

function fieldOf({ instancePath, params }: FastifySchemaValidationError): string | undefined {
  const child = params.missingProperty ?? params.additionalProperty;
  const names = instancePath.split('/').slice(1).map(unescapePointer);
  if (typeof child === 'string') names.push(child);
  return names.length === 0 ? undefined : names.join('.');
}

/** RFC 6901: ~1 is a slash, ~0 a tilde. */
function unescapePointer(name: string): string {
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}

function messageOf({ keyword, params, message }: FastifySchemaValidationError, part: string) {
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return part === 'querystring' ? 'is not a known query parameter' : 'is not a known field';
    case 'format':
      return params.format === 'date-time'
        ? 'must be an RFC 3339 instant such as 2026-01-31T13:00:00Z (in a URL write + as %2B)'
        : `must be a ${String(params.format)}`;
    case 'pattern':
      return params.pattern === TEXT_PATTERN
        ? 'must not contain control characters'
        : 'must be a whole number without leading zeros';
    default:
      return message ?? 'is not valid';
  }
}

/** Builds the OpenAPI 3.1 document from the routes and their schemas. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { API_BASE } from '../http/api-base.ts';
import type { ApiTag } from '../http/api-module.ts';
import type { Role } from '../http/caller.ts';

declare module 'fastify' {
  interface FastifySchema {
    /** An example that works when pasted, once `$API` is set, and `$TOKEN` unless the route is public. */
    curl?: string;
  }
}

const introduction = (serverUrl: string): string =>
  `
Send pulses, read exact usage sums, work with the quarantine, and run load tests. The guide is \`docs/api.md\`;
\`/asyncapi.json\` describes how to publish pulses to the queue.

Every operation has an example that works when pasted after these two lines:

\`\`\`sh
API=${serverUrl}${API_BASE}
TOKEN=$(curl -s "$API/login" -H 'content-type: application/json' \\
  -d '{"username":"admin","password":"'"$ADMIN_PASSWORD"'"}' | jq -r .Auth.Token)
\`\`\`

Amounts are decimal strings, exact to the ninth decimal. Errors are \`application/problem+json\` (RFC 9457). Programs
should use \`code\`; \`GET ${API_BASE}/problems\` lists all codes.
`.trim();

/** The start of the document, before the operations. */
export const OPENAPI_HEAD = {
  openapi: '3.1.0',
  info: {
    title: 'Pulse',
    version: 'v1',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [{ url: '/', description: 'This server.' }],
  components: {
    securitySchemes: {
      bearer: {
        type: 'http',
        scheme: 'bearer',
        description: 'A token from `POST /login`, or an API key.',
      },
    },
    headers: {
      'X-Request-Id': header('The id of the request in the log. Yours, if you sent a valid one.'),
      RateLimit: header('The number of requests left (`r`) in the next `t` seconds.'),
      'RateLimit-Policy': header('The limit: `q` requests in `w` seconds.'),
      'Retry-After': header('Try again after this many seconds.'),
      ETag: header('Identifies this answer. Send it as `If-None-Match` to get 304 if unchanged.'),
      Link: header('Links to other pages (RFC 8288).'),
      Location: header('The URL of the result.'),
    },
  },
} as const satisfies FastifyDynamicSwaggerOptions['openapi'];

function header(description: string) {
  return { description, schema: { type: 'string' } } as const;
}

type Transform = NonNullable<FastifyDynamicSwaggerOptions['transform']>;

/** Adds the roles and the example of a route to its schema. */
export const describeRoute: Transform = ({ schema, url, route }) => {
  const given = schema as FastifySchema & { hide?: boolean; description?: string };
  // The same routes exist at the root and below the base path, and an operation id must be unique.
  const isCopy =
    url.startsWith(`${API_BASE}/health/`) ||
    !(url.startsWith(API_BASE) || url.startsWith('/health/'));
  if (given.hide === true || isCopy) {
    return { schema: { ...given, hide: true }, url };
  }
  const { curl, ...rest } = given;
  const { public: isPublic, roles = [], conditional } = route.config ?? {};
  const description = [given.description, rolesNeeded(roles), curl && fenced(curl)];
  const notModified = { 304: { type: 'null', description: 'The answer has not changed.' } };
  return {
    schema: {
      ...rest,
      response: {
        ...(given.response as Json),
        ...(conditional === true ? notModified : {}),
      },
      security: isPublic === true ? [] : [{ bearer: [] }],
      description: description.filter((part) => part !== undefined).join('\n\n'),
      ...(curl === undefined ? {} : { 'x-codeSamples': [{ lang: 'Shell', source: curl }] }),
    },
    url,
  };
};

function rolesNeeded(roles: readonly Role[]): string | undefined {
  return roles.length === 0 ? undefined : `For the roles ${roles.join(', ')}.`;
}

function fenced(curl: string): string {
  return `\`\`\`sh\n${curl}\n\`\`\``;
}

type Json = Record<string, unknown>;

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string }[];
  readonly security: readonly unknown[];
  readonly tags: readonly string[];
  readonly responses: Record<string, Json>;
}

type RefineDocument = NonNullable<FastifyDynamicSwaggerOptions['transformObject']>;

interface DocumentParts {
  readonly tags: readonly ApiTag[];
  /** Where the examples find the API, such as `http://127.0.0.1:3000`; asked when the document is made. */
  readonly serverUrl: () => string;
}

/**
 * Adds the introduction and the parts that all operations share, and moves schemas with a title to `components`.
 */
export function refineDocument(parts: DocumentParts): RefineDocument {
  return (documents) => refine(documents, parts);
}

function refine(
  documents: Parameters<RefineDocument>[0],
  { tags, serverUrl }: DocumentParts,
): ReturnType<RefineDocument> {
  const { info, paths, components, ...rest } = (documents as { openapiObject: Json }).openapiObject;
  const schemas: Record<string, unknown> = {};
  const operations = Object.values(paths as Record<string, Record<string, Operation>>).flatMap(
    (path) => Object.entries(path),
  );
  for (const [method, operation] of operations) {
    completeResponses(method, operation);
  }
  const refined = hoistTitled(paths, schemas);
  return {
    ...rest,
    info: { ...(info as Json), description: introduction(serverUrl()) },
    tags,
    paths: refined,
    components: { ...(components as Json), schemas },
  } as unknown as ReturnType<RefineDocument>;
}

/** Adds the common headers, and the refusals that any operation may answer with. */
function completeResponses(method: string, operation: Operation): void {
  const { operationId, security, tags, responses } = operation;
  const isHealth = HEALTH_OPERATIONS.has(operationId);
  const isPaged = operation.parameters?.some(({ name }) => name === 'limit') === true;
  const problem = responses[500]?.content;
  const refusals: Record<string, string> = {
    ...(security.length > 0 ? { 403: 'The caller may not do this.' } : {}),
    ...(isHealth ? {} : { 429: 'Too many requests; `Retry-After` says when to try again.' }),
    default: 'Any other problem.',
  };
  for (const [status, description] of Object.entries(refusals)) {
    if (!(status in responses)) responses[status] = { description, content: problem };
  }
  for (const [status, response] of Object.entries(responses)) {
    const names = ['X-Request-Id', ...(isHealth ? [] : ['RateLimit', 'RateLimit-Policy'])];
    if (status === '429' || status === '503') names.push('Retry-After');
    if (status === '202' && tags.includes('populate')) names.push('Location');
    if (status === '200' && isPaged) names.push('Link');
    if (method === 'get' && '304' in responses && (status === '200' || status === '304')) {
      names.push('ETag');
    }
    const refs = names.map((name) => [name, { $ref: `#/components/headers/${name}` }]);
    response.headers = { ...Object.fromEntries(refs), ...(response.headers as Json | undefined) };
  }
}

const HEALTH_OPERATIONS = new Set(['live', 'ready']);

/**
 * Replaces each schema that has a title with a reference to one copy of it.
 *
 * @throws Error Two different schemas have the same title.
 */
function hoistTitled(value: unknown, schemas: Record<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((element) => hoistTitled(element, schemas));
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(
    Object.entries(value).map(([key, element]) => [key, hoistTitled(element, schemas)]),
  );
  const { title, type } = copy;
  if (typeof title !== 'string' || type !== 'object') return copy;
  const known = (schemas[title] ??= copy);
  if (JSON.stringify(known) !== JSON.stringify(copy)) {
    throw new Error(`Two schemas have the title ${title}.`);
  }
  return { $ref: `#/components/schemas/${title}` };
}

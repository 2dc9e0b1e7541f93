/** From the routes and their schemas to an OpenAPI 3.1 document. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { API_BASE } from '../http/api-base.ts';
import type { ApiTag } from '../http/api-module.ts';
import type { Role } from '../http/caller.ts';

declare module 'fastify' {
  interface FastifySchema {
    /** A command that works when pasted, once `$API`, and `$TOKEN` unless the route is public, are set. */
    curl?: string;
  }
}

const INTRODUCTION = `
Exact usage sums, sending pulses, the quarantine, and load tests. The guide is \`docs/api.md\`; how pulses are published to the
queue is in \`/asyncapi.json\`.

Every operation shows a command that works when pasted after these two lines:

\`\`\`sh
API=http://127.0.0.1:3000${API_BASE}
TOKEN=$(curl -s "$API/login" -H 'content-type: application/json' \\
  -d '{"username":"admin","password":"'"$ADMIN_PASSWORD"'"}' | jq -r .Auth.Token)
\`\`\`

Amounts are decimal strings, exact to the ninth decimal. Errors are \`application/problem+json\` (RFC 9457): program against
\`code\`; \`GET ${API_BASE}/problems\` lists them all.
`.trim();

/** What stands above the operations. */
export const OPENAPI_HEAD = {
  openapi: '3.1.0',
  info: {
    title: 'Pulse',
    version: 'v1',
    description: INTRODUCTION,
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [{ url: '/', description: 'This server.' }],
  components: {
    securitySchemes: {
      bearer: {
        type: 'http',
        scheme: 'bearer',
        description: 'A token from `POST /login`, or a key.',
      },
    },
    headers: {
      'X-Request-Id': header('The id of the request, as in the log; yours, if you sent a fit one.'),
      RateLimit: header('How many requests are left (`r`), for how many seconds (`t`).'),
      'RateLimit-Policy': header('How many requests (`q`) are answered in how many seconds (`w`).'),
      'Retry-After': header('In how many seconds to try again.'),
      ETag: header(
        'Names this answer; send it as `If-None-Match` to get it only when it has changed.',
      ),
      Link: header('Leads to other pages (RFC 8288).'),
      Location: header('Where the outcome can be read.'),
    },
  },
} as const satisfies FastifyDynamicSwaggerOptions['openapi'];

function header(description: string) {
  return { description, schema: { type: 'string' } } as const;
}

type Transform = NonNullable<FastifyDynamicSwaggerOptions['transform']>;

/** Adds to a route's schema what its configuration says: who may call it, and its example. */
export const describeRoute: Transform = ({ schema, url, route }) => {
  const given = schema as FastifySchema & { hide?: boolean; description?: string };
  // The same routes stand outside the base, and an operation has one id.
  if (given.hide === true || url.startsWith(`${API_BASE}/health/`)) {
    return { schema: { ...given, hide: true }, url };
  }
  const { curl, ...rest } = given;
  const { public: isPublic, roles = [], conditional } = route.config ?? {};
  const description = [given.description, rolesNeeded(roles), curl && fenced(curl)];
  const notModified = { 304: { type: 'null', description: 'You have it already.' } };
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

/** Adds what all operations share, and moves schemas that have a title to `components`. */
export function refineDocument(tags: readonly ApiTag[]): RefineDocument {
  return (documents) => refine(documents, tags);
}

function refine(
  documents: Parameters<RefineDocument>[0],
  tags: readonly ApiTag[],
): ReturnType<RefineDocument> {
  const { paths, components, ...rest } = (documents as { openapiObject: Json }).openapiObject;
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
    tags,
    paths: refined,
    components: { ...(components as Json), schemas },
  } as unknown as ReturnType<RefineDocument>;
}

/** Every answer names its request and what is left; every operation may be refused in ways of its own. */
function completeResponses(method: string, operation: Operation): void {
  const { operationId, security, tags, responses } = operation;
  const isHealth = HEALTH_OPERATIONS.has(operationId);
  const isPaged = operation.parameters?.some(({ name }) => name === 'limit') === true;
  const problem = responses[500]?.content;
  const refusals: Record<string, string> = {
    ...(security.length > 0 ? { 403: 'The caller may not do this.' } : {}),
    ...(isHealth ? {} : { 429: 'Too many requests; `Retry-After` says when to come back.' }),
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
 * Replaces each schema that has a title by a reference to one copy of it.
 *
 * @throws Error Two schemas have one title and differ.
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

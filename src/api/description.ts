/** The API's description: the OpenAPI document, the AsyncAPI document, and the reference page. */
import { fastifySwagger } from '@fastify/swagger';
import { fastifySwaggerUi } from '@fastify/swagger-ui';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DOCS_PATH } from '../http/api-base.ts';
import type { Api, ApiModule, ApiTag } from '../http/api-module.ts';
import { acceptsGzip } from '../http/compression.ts';
import { addKeptFiles } from '../http/kept-files.ts';
import { asyncApiDocument } from './asyncapi-document.ts';
import { ICON, LOGO } from './logo.ts';
import { describeRoute, OPENAPI_HEAD, refineDocument } from './openapi-document.ts';

/** The groups of operations that belong to no module. */
const OWN_TAGS: readonly ApiTag[] = [
  { name: 'health', description: 'For supervisors and load balancers.' },
  { name: 'problems', description: 'The kinds of errors.' },
];

/** What the examples name before the server listens. */
const DEFAULT_PORT = 3000;

/** The page loads files only from this server, and has inline styles. No other answer has this policy. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Adds `/openapi.json`, `/asyncapi.json` and the reference page. All are public: they hold nothing
 * that the source does not, and a browser cannot send a token for a page. Call it before adding the routes to describe.
 */
export async function addDescription(app: Api, modules: readonly ApiModule[]): Promise<void> {
  const asyncApi = asyncApiDocument(modules.flatMap(({ queues }) => queues ?? []));
  await app.register(fastifySwagger, {
    openapi: OPENAPI_HEAD,
    transform: describeRoute,
    transformObject: refineDocument({
      tags: [...modules.map(({ tag }) => tag), ...OWN_TAGS],
      serverUrl: () => `http://127.0.0.1:${listeningPort(app) ?? DEFAULT_PORT}`,
    }),
  });
  const open = { schema: { hide: true }, config: { public: true }, compress: false } as const;
  const openApi = documentOf(JSON_TYPE, () => JSON.stringify(app.swagger()));
  const documents: Readonly<Record<string, Document>> = {
    '/openapi.json': openApi,
    '/asyncapi.json': documentOf(JSON_TYPE, () => JSON.stringify(asyncApi)),
    [`${DOCS_PATH}/json`]: openApi,
    [`${DOCS_PATH}/yaml`]: documentOf('application/yaml', () => app.swagger({ yaml: true })),
  };
  const answer = (request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined => {
    const document = documents[request.routeOptions.url ?? ''];
    if (document === undefined) return undefined;
    const vary = [reply.getHeader('vary') ?? [], 'accept-encoding'].flat().join(', ');
    void reply.type(document.type).header('vary', vary);
    if (!acceptsGzip(request)) return reply.send(document.text());
    return reply.header('content-encoding', 'gzip').send(document.gzipped());
  };
  app.get('/openapi.json', open, answer);
  app.get('/asyncapi.json', open, answer);
  await app.register(async (scope) => {
    addKeptFiles(scope);
    await scope.register(fastifySwaggerUi, {
      routePrefix: DOCS_PATH,
      staticCSP: DOCS_CSP,
      // The plugin would serialise its copies for every request.
      uiHooks: {
        onRequest: (request, reply, next) => {
          if (answer(request, reply) === undefined) next();
        },
      },
      logo: { type: 'image/svg+xml', content: LOGO, href: DOCS_PATH, target: '_self' },
      theme: {
        title: 'Pulse API',
        favicon: [
          {
            filename: 'favicon.svg',
            rel: 'icon',
            sizes: 'any',
            type: 'image/svg+xml',
            content: ICON,
          },
        ],
      },
      uiConfig: { docExpansion: 'list', tryItOutEnabled: true, persistAuthorization: false },
    });
  });
}

function listeningPort(app: Api): number | undefined {
  return (app.server.address() as AddressInfo | null)?.port;
}

const JSON_TYPE = 'application/json; charset=utf-8';

interface Document {
  readonly type: string;
  readonly text: () => Buffer;
  readonly gzipped: () => Buffer;
}

function documentOf(type: string, make: () => string): Document {
  const text = bufferOnce(make);
  return { type, text, gzipped: bufferOnce(() => gzipSync(text())) };
}

/** Made at the first request, when all routes are known, and only once: anyone may ask, any number of times. */
function bufferOnce(make: () => string | Buffer): () => Buffer {
  let made: Buffer | undefined;
  return () => (made ??= Buffer.from(make()));
}

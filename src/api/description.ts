/** How the API describes itself: OpenAPI, AsyncAPI, and the reference page. */
import { fastifySwagger } from '@fastify/swagger';
import { fastifySwaggerUi } from '@fastify/swagger-ui';
import type { Api, ApiModule, ApiTag } from '../http/api-module.ts';
import { asyncApiDocument } from './asyncapi-document.ts';
import { describeRoute, OPENAPI_HEAD, refineDocument } from './openapi-document.ts';
import { DOCS_PATH } from './plugin-routes.ts';

/** The groups of operations that belong to no module. */
const OWN_TAGS: readonly ApiTag[] = [
  { name: 'health', description: 'For supervisors and load balancers.' },
  { name: 'problems', description: 'What can go wrong.' },
];

/** The page loads its files from this server only, and writes its styles inline. No other page has this policy. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Adds `/openapi.json`, `/asyncapi.json` and the reference page, all public: the source says the same, and a
 * browser page cannot send a token. Must come before the routes that it describes.
 */
export async function addDescription(app: Api, modules: readonly ApiModule[]): Promise<void> {
  const asyncApi = asyncApiDocument(modules.flatMap(({ queues }) => queues ?? []));
  await app.register(fastifySwagger, {
    openapi: OPENAPI_HEAD,
    transform: describeRoute,
    transformObject: refineDocument([...modules.map(({ tag }) => tag), ...OWN_TAGS]),
  });
  const open = { schema: { hide: true }, config: { public: true } } as const;
  app.get('/openapi.json', open, () => app.swagger());
  app.get('/asyncapi.json', open, () => asyncApi);
  await app.register(fastifySwaggerUi, {
    routePrefix: DOCS_PATH,
    staticCSP: DOCS_CSP,
    theme: { title: 'Pulse API' },
    uiConfig: { docExpansion: 'list', tryItOutEnabled: true, persistAuthorization: false },
  });
}

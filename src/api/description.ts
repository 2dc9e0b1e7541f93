/** The API's description: the OpenAPI document, the AsyncAPI document, and the reference page. */
import { fastifySwagger } from '@fastify/swagger';
import { fastifySwaggerUi } from '@fastify/swagger-ui';
import type { Api, ApiModule, ApiTag } from '../http/api-module.ts';
import { asyncApiDocument } from './asyncapi-document.ts';
import { describeRoute, OPENAPI_HEAD, refineDocument } from './openapi-document.ts';
import { DOCS_PATH } from './plugin-routes.ts';

/** The groups of operations that belong to no module. */
const OWN_TAGS: readonly ApiTag[] = [
  { name: 'health', description: 'For supervisors and load balancers.' },
  { name: 'problems', description: 'The kinds of errors.' },
];

/** The page loads files only from this server, and has inline styles. No other answer has this policy. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Adds `/openapi.json`, `/asyncapi.json` and the reference page. All are public: they hold nothing that the source
 * does not, and a browser cannot send a token for a page. Call it before adding the routes to describe.
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

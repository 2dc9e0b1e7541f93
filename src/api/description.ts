/** How the API describes itself: OpenAPI, AsyncAPI, and the reference page. */
import { fastifySwagger } from '@fastify/swagger';
import { fastifySwaggerUi } from '@fastify/swagger-ui';
import type { Api } from '../http/api-module.ts';
import { asyncApiDocument } from './asyncapi-document.ts';
import { describeRoute, OPENAPI_HEAD, refineDocument } from './openapi-document.ts';
import { DOCS_PATH } from './plugin-routes.ts';

/** The page's own files, from this server alone; it writes its styles inline. Nothing else has this policy. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Adds `/openapi.json`, `/asyncapi.json` and the reference page, for everybody: what they say is in the source, and
 * a page cannot send a token. It must come before the routes that it describes.
 */
export async function addDescription(app: Api, { queue }: { queue: string }): Promise<void> {
  const asyncApi = asyncApiDocument(queue);
  await app.register(fastifySwagger, {
    openapi: OPENAPI_HEAD,
    transform: describeRoute,
    transformObject: refineDocument,
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

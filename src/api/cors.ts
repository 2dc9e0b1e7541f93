/** Which web pages of other origins may call the API. */
import { fastifyCors } from '@fastify/cors';
import type { Api } from '../http/api-module.ts';

const PREFLIGHT_SECONDS = 600;

/** What a page may read besides the body. */
const EXPOSED_HEADERS = [
  ...['etag', 'link', 'location', 'retry-after', 'x-request-id'],
  ...['ratelimit', 'ratelimit-policy', 'www-authenticate', 'idempotent-replayed'],
  ...['pulse-complete-through', 'pulse-final-through', 'pulse-provisional', 'pulse-pending'],
];

/**
 * Lets pages of the given origins call the API; without any, no page of another origin can. Cookies are
 * never sent, so a page needs a token of its own.
 *
 * Comes before authentication: a preflight carries no token.
 */
export async function addCors(app: Api, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(fastifyCors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
    // OPTIONS without the headers of a preflight is a method that no route has.
    strictPreflight: false,
  });
}

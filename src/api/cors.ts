/** Lets web pages of other origins call the API. */
import { fastifyCors } from '@fastify/cors';
import type { Api } from '../http/api-module.ts';

const PREFLIGHT_SECONDS = 600;

/** The headers that a page may read. */
const EXPOSED_HEADERS = [
  'etag',
  'link',
  'location',
  'retry-after',
  'x-request-id',
  'ratelimit',
  'ratelimit-policy',
  'www-authenticate',
  'idempotent-replayed',
  'pulse-complete-through',
  'pulse-final-through',
  'pulse-provisional',
  'pulse-pending',
];

/**
 * Lets pages of the given origins call the API; without origins, only pages of its own origin can. Cookies are never
 * sent, so a page needs a token.
 *
 * Call it before adding authentication, because preflights carry no token.
 */
export async function addCors(app: Api, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(fastifyCors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
    // OPTIONS without preflight headers is then a method that no route has.
    strictPreflight: false,
  });
}

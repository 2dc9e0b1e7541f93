/** ETags, and 304 for callers that already have the answer. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { Api } from './api-module.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** GET returns one resource that callers poll: the answer has an ETag, and is 304 if it has not changed. */
    conditional?: true;
  }
}

const HASH_BYTES = 16;

/**
 * Adds the hook. The tag is a hash of the whole answer, so it is never stale. It is weak, because the same answer may
 * be sent plain or compressed. A cache may keep the answer for one caller, and must revalidate it each time.
 */
export function addConditionalAnswers(app: Api): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const { conditional } = request.routeOptions.config;
    if (conditional !== true || reply.statusCode !== 200 || typeof payload !== 'string') {
      done(null, payload);
      return;
    }
    const hash = createHash('sha256').update(payload).digest().subarray(0, HASH_BYTES);
    const etag = `W/"${hash.toString('base64url')}"`;
    void reply.headers({ etag, 'cache-control': 'private, no-cache', vary: 'authorization' });
    if (!hasTag(request, etag)) {
      done(null, payload);
      return;
    }
    void reply.code(304).removeHeader('content-type').removeHeader('content-length');
    // Fastify's hook for HEAD runs after this one and cannot handle null.
    done(null, request.method === 'HEAD' ? Readable.from([]) : null);
  });
}

/** RFC 9110, section 13.1.2: weak comparison, which ignores the `W/`. */
function hasTag({ headers }: FastifyRequest, etag: string): boolean {
  const given = headers['if-none-match'];
  if (given === undefined) return false;
  if (given.trim() === '*') return true;
  return given.split(',').some((tag) => opaque(tag.trim()) === opaque(etag));
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}

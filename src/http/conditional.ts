/** ETags, and 304 for those who have the answer already. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { Api } from './api-module.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** GET answers one resource that callers come back to: it gets an ETag, and 304 when they have it. */
    conditional?: true;
  }
}

const HASH_BYTES = 16;

/**
 * Adds the hook. The tag is a hash of the whole answer, so it cannot be stale whatever the answer is made of, and
 * it is weak, because the same answer may be sent plain or compressed. A cache may keep the answer, for one caller,
 * and must ask each time.
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
    // Fastify's own hook for HEAD, which comes after this one, cannot take null.
    done(null, request.method === 'HEAD' ? Readable.from([]) : null);
  });
}

/** RFC 9110, section 13.1.2: by weak comparison, which overlooks the `W/`. */
function hasTag({ headers }: FastifyRequest, etag: string): boolean {
  const given = headers['if-none-match'];
  if (given === undefined) return false;
  if (given.trim() === '*') return true;
  return given.split(',').some((tag) => opaque(tag.trim()) === opaque(etag));
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}

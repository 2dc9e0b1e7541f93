/** Answers in gzip for callers that take it. */
import { constants } from 'node:zlib';
import { fastifyCompress } from '@fastify/compress';
import type { Api } from './api-module.ts';

/** A smaller answer fits into one packet as it is. */
const BYTES_MIN = 1_400;

/** What an answer may be made of that is worth it; never what is compressed already. */
const COMPRESSIBLE =
  /^(?:text\/|application\/(?:[\w.-]+\+)?json\b|application\/x-ndjson\b|image\/svg)/;

/**
 * Adds compression. It must come before the routes.
 *
 * Left out are answers that hold a secret (`answersSecret` in the config of the route): the length of compressed text tells about its content
 * (BREACH). The others hold none, and no browser sends a bearer token by itself.
 * Request bodies are not decompressed: a small one could become any size.
 */
export async function addCompression(app: Api): Promise<void> {
  app.addHook('onRoute', (route) => {
    if (route.config?.answersSecret === true) route.compress = false;
  });
  await app.register(fastifyCompress, {
    encodings: ['gzip'],
    globalDecompression: false,
    threshold: BYTES_MIN,
    customTypes: COMPRESSIBLE,
    // What a stream has written reaches the caller at once, not when the compressor's window is full.
    zlibOptions: { flush: constants.Z_SYNC_FLUSH },
  });
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The answer holds a secret, so it is never compressed. */
    answersSecret?: true;
  }
}

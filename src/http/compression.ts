/** Compresses answers with gzip for callers that accept it. */
import { constants } from 'node:zlib';
import { fastifyCompress } from '@fastify/compress';
import type { FastifyRequest } from 'fastify';
import type { Api } from './api-module.ts';

/** A smaller answer fits into one packet uncompressed. */
const BYTES_MIN = 1_400;

/** The media types that are worth compressing; never one that is compressed already. */
const COMPRESSIBLE =
  /^(?:text\/|application\/(?:[\w.-]+\+)?json\b|application\/x-ndjson\b|image\/svg)/;

/**
 * Adds compression. Call it before adding routes.
 *
 * An answer that holds a secret (`answersSecret` in the config of the route) is never compressed: the length of
 * compressed text reveals its content (BREACH). Other answers hold no secret, and browsers do not send bearer tokens
 * automatically. Request bodies are not decompressed: a small one could expand to any size.
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
    // Sends each chunk of a stream at once instead of waiting until the compressor's window is full.
    zlibOptions: { flush: constants.Z_SYNC_FLUSH },
  });
}

/** For an answer that is kept compressed. A coding with the weight 0 is not accepted (RFC 9110, section 12.5.3). */
export function acceptsGzip({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  const accepted = (headers['accept-encoding'] ?? '').toLowerCase();
  return accepted.split(',').some((coding) => {
    const [name = '', weight = 'q=1'] = coding.split(';').map((part) => part.trim());
    return name === 'gzip' && !/^q=0(?:\.0*)?$/.test(weight);
  });
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The answer holds a secret, so it is never compressed. */
    answersSecret?: true;
  }
}

/** Compresses answers with gzip for callers that accept it. */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { fastifyCompress } from '@fastify/compress';
import type { FastifyReply, FastifyRequest, onSendHookHandler } from 'fastify';
import { createFairTurns } from '../platform/fair-turns.ts';
import type { Api } from './api-module.ts';
import { ownerOf } from './byte-budget.ts';

/** A smaller answer fits into one packet uncompressed. */
const BYTES_MIN = 1_400;

/** A larger one takes milliseconds, so it is not compressed on the event loop. */
const BYTES_AT_ONCE_MAX = 16 * 1024;

/** Each compressor takes 370 KiB. Who gets no turn is answered without compression. */
const COMPRESSORS = {
  runningMax: 4,
  runningMaxPerShare: 2,
  waitingMaxPerShare: 200,
  waitMs: 10_000,
};

/** The media types that are worth compressing; never one that is compressed already. */
const COMPRESSIBLE =
  /^(?:text\/|application\/(?:[\w.-]+\+)?json\b|application\/x-ndjson\b|image\/svg)/;

/**
 * Adds compression. Call it before adding routes.
 *
 * An answer that holds a secret (`answersSecret` in the config of the route) is never compressed: the length of
 * compressed text reveals its content (BREACH). Other answers hold no secret, and browsers do not send bearer tokens
 * automatically. Request bodies are not decompressed: a small one could expand to any size.
 *
 * The plugin would compress a large answer as a stream, whose compressor stays open until the caller has read it. So
 * only streams are left to it, and what is small.
 */
export async function addCompression(app: Api): Promise<void> {
  const compressWhole = createWholeCompression();
  app.addHook('onRoute', (route) => {
    if (route.config?.answersSecret === true) route.compress = false;
    if (route.compress !== false) route.onSend = [route.onSend ?? [], compressWhole].flat();
  });
  await app.register(fastifyCompress, {
    encodings: ['gzip'],
    globalDecompression: false,
    threshold: BYTES_MIN,
    syncThreshold: BYTES_AT_ONCE_MAX,
    customTypes: COMPRESSIBLE,
    // Sends each chunk of a stream at once instead of waiting until the compressor's window is full.
    zlibOptions: { flush: constants.Z_SYNC_FLUSH },
  });
}

const gzipWhole = promisify<string, Buffer>(gzip);

/** A hook that compresses a large answer into one piece, which needs no compressor while it waits for its caller. */
function createWholeCompression(): onSendHookHandler {
  const turns = createFairTurns(COMPRESSORS);
  return (request, reply, payload, done) => {
    if (typeof payload !== 'string' || Buffer.byteLength(payload) <= BYTES_AT_ONCE_MAX) {
      done(null, payload);
      return;
    }
    const isWanted = acceptsGzip(request) && COMPRESSIBLE.test(typeOf(reply));
    // What stays plain here must not be compressed by the plugin.
    delete request.headers['accept-encoding'];
    if (!isWanted) {
      done(null, payload);
      return;
    }
    const compress = async () => (reply.raw.closed ? undefined : gzipWhole(payload));
    turns.run(ownerOf(request).share, compress).then(
      (whole = Buffer.alloc(0)) => {
        const vary = [reply.getHeader('vary') ?? [], 'accept-encoding'].flat().join(', ');
        void reply.headers({ 'content-encoding': 'gzip', vary });
        done(null, whole);
      },
      () => {
        done(null, payload);
      },
    );
  };
}

function typeOf(reply: FastifyReply): string {
  return String(reply.getHeader('content-type') ?? 'application/json');
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

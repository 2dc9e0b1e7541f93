/** Answers HEAD without reading what GET would send. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';

/**
 * Adds the hook. Fastify would answer at once, and then read the whole stream in the background, where no limit counts
 * it: its answer is over.
 */
export function addHeadAnswers(app: FastifyInstance): void {
  app.addHook('onSend', (request, _reply, payload, done) => {
    if (request.method !== 'HEAD' || !(payload instanceof Readable)) {
      done(null, payload);
      return;
    }
    payload.on('error', () => undefined).destroy();
    done(null, Readable.from([]));
  });
}

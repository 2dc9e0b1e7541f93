/** Limits the bytes of request bodies that this process holds. */
import { Transform, type Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { whenOver } from './answer-deadline.ts';
import { createRequestBudget, type ByteLease, type RequestBudgetOptions } from './byte-budget.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Bytes of the body that have arrived. */
    bodyBytes: number;
  }
}

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Of strangers' requests only logins matter. 30 at once are more than their other limits let through, and 200 networks
 * with as many leave room for more.
 */
export const BODY_BUDGET: RequestBudgetOptions = {
  callerBytesMax: 32 * MIB,
  bytesMax: 64 * MIB,
  strangers: { callerBytesMax: 128 * KIB, bytesMax: 32 * MIB },
};

/**
 * What a request costs, with the beginning of its body: were that counted for itself, many small requests at once would
 * leave no room for the bodies of any.
 */
const REQUEST_BYTES = 4 * KIB;
const BEGINNING_BYTES = KIB;

/**
 * Adds the budget to every route, public ones included. Bytes count as they arrive, not as they are declared, and
 * until the answer is over. Call it after adding authentication, because it needs the caller.
 */
export function addBodyBudget(app: FastifyInstance, options: RequestBudgetOptions): void {
  const budget = createRequestBudget(options, 'requests in progress');
  app.decorateRequest('bodyBytes', 0);
  app.addHook('preParsing', (request, reply, payload, done) => {
    const { headers } = request;
    if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
      done(null, payload);
      return;
    }
    const lease = budget.openLease(request);
    whenOver(reply, () => {
      lease.close();
    });
    lease.add(REQUEST_BYTES);
    done(null, counted(payload as Readable, request, lease));
  });
}

function counted(payload: Readable, request: FastifyRequest, lease: ByteLease): Readable {
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      request.bodyBytes += chunk.length;
      const more = Math.min(chunk.length, request.bodyBytes - BEGINNING_BYTES);
      try {
        if (more > 0) lease.add(more);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
  // The parser of a refused body no longer listens, and an error without a listener would end the process.
  counting.on('error', () => undefined);
  payload.once('error', (error) => counting.destroy(error));
  return payload.pipe(counting);
}

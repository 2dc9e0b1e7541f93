/** Limits the bytes of request bodies that this process holds. */
import { Transform, type Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { whenOver } from './answer-deadline.ts';
import {
  createByteBudget,
  ownerOf,
  type ByteBudgetOptions,
  type ByteLease,
} from './byte-budget.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Bytes of the body that have arrived. */
    bodyBytes: number;
  }
}

/** What a request costs besides its body. */
const REQUEST_BYTES = 4 * 1024;

/**
 * Adds the budget to every route, public ones included. Bytes count as they arrive, not as they are declared, and
 * until the answer is over. Call it after adding authentication, because it needs the caller.
 */
export function addBodyBudget(app: FastifyInstance, options: ByteBudgetOptions): void {
  const budget = createByteBudget(options, 'requests in progress');
  app.decorateRequest('bodyBytes', 0);
  app.addHook('preParsing', (request, reply, payload, done) => {
    const { headers } = request;
    if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
      done(null, payload);
      return;
    }
    const lease = budget.openLease(ownerOf(request));
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
      try {
        lease.add(chunk.length);
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

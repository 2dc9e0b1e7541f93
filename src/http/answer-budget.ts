/** Limits the bytes of answers that this process holds because their callers have not read them. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { whenOver } from './answer-deadline.ts';
import { createRequestBudget, isStranger, type RequestBudgetOptions } from './byte-budget.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** GET changes something: sending it again does not bring the same answer. */
    getChanges?: true;
  }
}

/** Smaller answers are not counted: the limit of requests bounds what they take. */
const BYTES_MIN = 16 * 1024;

/**
 * Adds the budget to every route. Without it, a caller who opens many connections and reads none of them makes the
 * process hold an answer for each.
 *
 * Every answer counts that is held in memory as one piece, until it is read. Streams are not counted, because they
 * wait for their callers. A caller who has left half of its limit unread has its next request refused before its work,
 * so only requests that are in progress together can go beyond the limit. Of those, one that can be sent again is
 * refused, and the connection of another is closed, because a refusal would say that its work is not done.
 *
 * Strangers are not refused before work: what they may ask has no large answers, and many people may share an address.
 *
 * Call it after adding what may drop an answer, and before adding compression.
 */
export function addAnswerBudget(app: FastifyInstance, options: RequestBudgetOptions): void {
  const budget = createRequestBudget(options, 'unread answers');

  // After the body has arrived, because a caller may let many requests arrive but for their last byte.
  app.addHook('preValidation', (request, _reply, done) => {
    budget.refuseAboveHalf(request);
    done();
  });

  app.addHook('onSend', (request, reply, payload, done) => {
    const bytes = heldBytes(request, payload);
    if (bytes < BYTES_MIN) {
      done(null, payload);
      return;
    }
    const lease = budget.openLease(request);
    try {
      lease.add(bytes);
    } catch (error) {
      if (isRepeatable(request, reply)) done(error as Error);
      else closeConnection(request);
      return;
    }
    whenOver(reply, () => {
      lease.close();
    });
    done(null, payload);
  });
}

function heldBytes(request: FastifyRequest, payload: unknown): number {
  // Of an answer to HEAD only the length is sent.
  if (request.method === 'HEAD') return 0;
  if (typeof payload === 'string') return Buffer.byteLength(payload);
  // The callers of a public route share its buffers.
  return Buffer.isBuffer(payload) && !isStranger(request) ? payload.length : 0;
}

function isRepeatable(
  { method, routeOptions, changesNothing }: FastifyRequest,
  { statusCode }: FastifyReply,
): boolean {
  if (changesNothing === true || (statusCode >= 400 && statusCode < 500)) return true;
  return method === 'GET' && routeOptions.config.getChanges !== true;
}

function closeConnection(request: FastifyRequest): void {
  request.log.warn('connection closed: its answer does not fit into the limit of unread answers');
  // An answer that waits behind another has no socket of its own yet.
  request.socket.destroy();
}

/** Limits the bytes of answers that this process holds because their callers have not read them. */
import type { FastifyInstance } from 'fastify';
import { whenOver } from './answer-deadline.ts';
import { createByteBudget, ownerOf, type ByteBudgetOptions } from './byte-budget.ts';

/** Smaller answers are not counted: the limit of requests bounds what they take. */
const BYTES_MIN = 16 * 1024;

/**
 * Adds the budget to every GET. Without it, a caller who opens many connections and reads none of them makes the
 * process hold an answer for each. Streams are not counted, because they wait for their callers, and buffers are not,
 * because their callers share them. Answers to other methods are not refused, because their work is done.
 *
 * Call it after adding what may drop an answer, and before adding compression.
 */
export function addAnswerBudget(app: FastifyInstance, options: ByteBudgetOptions): void {
  const openLease = createByteBudget(options, 'unread answers');
  app.addHook('onSend', (request, reply, payload, done) => {
    const isCounted = request.method === 'GET' && reply.statusCode < 400;
    if (!isCounted || typeof payload !== 'string' || payload.length < BYTES_MIN) {
      done(null, payload);
      return;
    }
    const lease = openLease(ownerOf(request));
    try {
      lease.add(payload.length);
    } catch (error) {
      done(error as Error);
      return;
    }
    whenOver(reply, () => {
      lease.close();
    });
    done(null, payload);
  });
}

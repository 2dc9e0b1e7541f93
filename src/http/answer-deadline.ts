/** The deadline of an answer, and notice that its caller no longer waits for it. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { HTTP_PROBLEMS, ProblemError } from './problems.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How long this route's answer may take, to its last byte. Default: that of the whole API. */
    answerWithinMs?: number;
  }
  interface FastifyReply {
    /** The handler is done and the answer is being sent. */
    isAnswering: boolean;
    answerTimer: NodeJS.Timeout | null;
  }
}

/**
 * Adds the deadline: an answer that has not begun in time becomes a problem; one that is half sent is cut off.
 *
 * Fastify's `handlerTimeout` does not work here. It mistakes the end of the body for the end of the request, so it
 * stops its timer and aborts `request.signal` before the handler of a request with a body starts. That abort, with
 * its stack trace, also costs a tenth of a small request.
 */
export function addAnswerDeadline(
  app: FastifyInstance,
  { answerWithinMs }: { answerWithinMs: number },
): void {
  app.decorateReply('isAnswering', false);
  app.decorateReply('answerTimer', null);

  app.addHook('onRequest', (request, reply, done) => {
    setAnswerDeadline(reply, request.routeOptions.config.answerWithinMs ?? answerWithinMs);
    whenOver(reply, () => {
      clearTimeout(reply.answerTimer ?? undefined);
    });
    done();
  });

  app.addHook('onSend', (_request, reply, payload, done) => {
    reply.isAnswering = true;
    done(null, payload);
  });
}

/** Restarts the deadline, for an answer that turns out to be long. */
export function setAnswerDeadline(reply: FastifyReply, answerWithinMs: number): void {
  clearTimeout(reply.answerTimer ?? undefined);
  if (reply.raw.closed) return;
  reply.answerTimer = setTimeout(() => {
    giveUp(reply);
  }, answerWithinMs).unref();
}

/**
 * Calls back, once, when the answer is over: it was sent, or its caller disconnected.
 *
 * Calls back at once if it is over already: a hook that waits, for example for Postgres, continues after its caller
 * has disconnected. The response of a request that waits behind another on its connection closes only because
 * `createHttpServer` sees to it.
 */
export function whenOver(reply: FastifyReply, callback: () => void): void {
  if (reply.raw.closed) callback();
  else reply.raw.once('close', callback);
}

/** `whenOver` as a signal. */
export function signalOfEnd(reply: FastifyReply): AbortSignal {
  const end = new AbortController();
  whenOver(reply, () => {
    end.abort();
  });
  return end.signal;
}

function giveUp(reply: FastifyReply): void {
  if (!reply.isAnswering) {
    void reply.send(new ProblemError(HTTP_PROBLEMS.PULSE_API_TIMEOUT));
    return;
  }
  // A second answer over the first would be an uncaught error.
  reply.log.warn('answer cut off at its deadline');
  reply.raw.destroy();
}

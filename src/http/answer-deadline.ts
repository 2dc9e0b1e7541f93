/** How long an answer may take, and whether anybody still waits for it. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { HTTP_PROBLEMS, ProblemError } from './problems.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How long this route's answer may take, to its last byte. Default: that of the whole API. */
    answerWithinMs?: number;
  }
  interface FastifyReply {
    /** The answer is made and on its way. */
    isAnswering: boolean;
    answerTimer: NodeJS.Timeout | null;
  }
}

/**
 * Adds the deadline: an answer that is not there in time becomes a problem, one that is half sent is cut off.
 *
 * Fastify's own `handlerTimeout` is not used. It takes the end of the body for the end of the request, and so gives up its
 * timer, and aborts `request.signal`, before the handler of a request with a body has begun; and that abort, with its
 * stack trace, costs a tenth of a small request.
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

/** Gives an answer that is found to be a long one this much time from now on. */
export function setAnswerDeadline(reply: FastifyReply, answerWithinMs: number): void {
  clearTimeout(reply.answerTimer ?? undefined);
  if (reply.raw.closed) return;
  reply.answerTimer = setTimeout(() => {
    giveUp(reply);
  }, answerWithinMs);
}

/**
 * Calls back, once, when nobody waits for the answer any more: it has been sent, or its caller has gone.
 *
 * At once if that is so already: hooks that wait, for Postgres say, go on after their caller has gone.
 */
export function whenOver(reply: FastifyReply, callback: () => void): void {
  if (reply.raw.closed) callback();
  else reply.raw.once('close', callback);
}

/** The same as a signal. */
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
  // A second answer over the first would be an error that nobody catches.
  reply.log.warn('answer cut off after its time');
  reply.raw.destroy();
}

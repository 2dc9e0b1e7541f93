/** Answers that take longer than others may. They end soon after their caller's rights. */
import type { FastifyReply } from 'fastify';
import { setAnswerDeadline, whenOver } from './answer-deadline.ts';
import { ProblemError } from './problems.ts';

/** How often the rights of a caller are looked up. What is found is cached for a moment, for all answers of the caller. */
const CHECK_MS = 5_000;

/**
 * Restarts the deadline of an answer, and cuts the connection off when the caller may no longer ask for it: the key is
 * revoked, the user is disabled, or the token has expired. Nothing is looked up where the route needs no token.
 */
export function letAnswerLast(reply: FastifyReply, answerWithinMs: number): void {
  setAnswerDeadline(reply, answerWithinMs);
  if (reply.request.routeOptions.config.public !== true) watchRights(reply);
}

function watchRights(reply: FastifyReply): void {
  let isChecking = false;
  const timer = setInterval(() => {
    if (isChecking) return;
    isChecking = true;
    void endWithoutRights(reply).finally(() => {
      isChecking = false;
    });
  }, CHECK_MS).unref();
  whenOver(reply, () => {
    clearInterval(timer);
  });
}

async function endWithoutRights(reply: FastifyReply): Promise<void> {
  try {
    await reply.request.checkRights();
  } catch (error) {
    // Anything else, such as Postgres being unavailable, says nothing about the rights.
    if (!(error instanceof ProblemError) || reply.raw.closed) return;
    const { code } = error.kind;
    reply.log.info({ code }, 'answer cut off: its caller may no longer ask for it');
    // An answer that waits behind another has no socket of its own yet.
    reply.request.socket.destroy();
  }
}

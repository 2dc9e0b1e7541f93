/** Refuses to fix a dead letter that cannot be fixed, before the body of the request is read: it may be large. */
import type { FastifyRequest } from 'fastify';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import { readAsTenants, type ScopedPool } from '../platform/scoped-postgres.ts';
import { QUARANTINE_PROBLEMS } from './quarantine-problems.ts';
import { findDeadLetterState } from './quarantine-query.ts';
import { ACTIONS_MAX, type DeadLetterState } from './quarantine.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A hook for `onRequest`, when nothing has been validated yet. */
export function requireFixable(pool: ScopedPool) {
  return async ({ user, params }: FastifyRequest): Promise<void> => {
    const { id } = params as { id: string };
    if (!UUID.test(id)) throw invalidField('id', 'must be a uuid');
    const state = await readAsTenants(pool, user.tenants, (client) =>
      findDeadLetterState(client, id, user.tenants),
    );
    if (state === undefined) throw notFound();
    if (state !== 'quarantined') throw wrongState(state);
  };
}

export function notFound(): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
    detail: 'There is no dead letter with this id.',
  });
}

/** Why a dead letter was not fixed. @param state It is in. */
export function unfixed(state: DeadLetterState): ProblemError {
  return state === 'quarantined' ? historyFull() : wrongState(state);
}

export function historyFull(): ProblemError {
  return new ProblemError(QUARANTINE_PROBLEMS.PULSE_API_DEAD_LETTER_FULL, {
    detail: `Its history has ${ACTIONS_MAX} actions. Send its body anew, and discard it.`,
  });
}

export function wrongState(state: DeadLetterState): ProblemError {
  return new ProblemError(QUARANTINE_PROBLEMS.PULSE_API_DEAD_LETTER_STATE, {
    detail: `It is ${state}.`,
  });
}

/** Refuses to fix a dead letter that cannot be fixed, before the body of the request is read: it may be large. */
import type { FastifyRequest } from 'fastify';
import { includesTenant } from '../core/tenant-scope.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import { readAsTenants, type ScopedPool } from '../platform/scoped-postgres.ts';
import { namesInBody, type NamesInBody } from './names-in-body.ts';
import { QUARANTINE_PROBLEMS } from './quarantine-problems.ts';
import { findDeadLetterState } from './quarantine-query.ts';
import { ACTIONS_MAX, type DeadLetterDetail, type DeadLetterState } from './quarantine.ts';

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

/**
 * Refuses the correction of a caller who is limited to tenants if a pulse of another tenant would count, or more pulses
 * than were refused: those would begin new sums without the limit of sending.
 */
export function requireOwn(
  fix: NamesInBody,
  tenants: readonly string[],
  { originalBody, body }: Pick<DeadLetterDetail, 'originalBody' | 'body'>,
): void {
  if (fix.tenant === null || !includesTenant(tenants, fix.tenant)) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_FORBIDDEN, {
      detail: 'It must be JSON in which every pulse names the same tenant, one of yours.',
    });
  }
  const pulsesMax = Math.max(1, namesInBody(originalBody ?? body).pulseCount);
  if (fix.pulseCount <= pulsesMax) return;
  const limit = pulsesMax === 1 ? 'be one pulse' : `have at most ${pulsesMax} pulses`;
  throw invalidField('content', `must ${limit}, because so many were refused`);
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

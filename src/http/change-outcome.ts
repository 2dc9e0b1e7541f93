/** What a request has changed, for its answer and for the audit log. */
import type { FastifyReply, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** It succeeded, and everything is as it was before. Then it is no change that the audit log has. */
    changesNothing?: true;
  }
}

export type PutOutcome = 'created' | 'changed' | 'unchanged';

/** Sets the status, and notes that there was nothing to change. */
export function setPutOutcome(
  request: FastifyRequest,
  reply: FastifyReply,
  outcome: PutOutcome,
): void {
  if (outcome === 'unchanged') request.changesNothing = true;
  void reply.code(outcome === 'created' ? 201 : 200);
}

/** Says that the answer is that of an earlier request with the idempotency key, which has done the work. */
export function setReplayed(request: FastifyRequest, reply: FastifyReply): void {
  request.changesNothing = true;
  void reply.header('idempotent-replayed', 'true');
}

/** @param rows What an upsert returns that leaves an equal row alone: one row, or none. */
export function outcomeOfUpsert(rows: readonly { readonly isNew: boolean }[]): PutOutcome {
  const [row] = rows;
  if (row === undefined) return 'unchanged';
  return row.isNew ? 'created' : 'changed';
}

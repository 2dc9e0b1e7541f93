/** Writes every change made over the API to the audit log. */
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { insertAudit, type AuditEntry } from './audit.ts';
import { actorNameOf, type Caller } from '../http/caller.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Not written to the audit log, because the work is recorded elsewhere: sending pulses. */
    unaudited?: true;
  }
}

/**
 * Adds the hook. It records every authorized request other than GET and HEAD that succeeds, before the answer is sent.
 * If recording fails, the change stands and the application log has it.
 */
export function auditChanges(app: FastifyInstance, pool: Pool): void {
  app.addHook('onSend', async (request, reply) => {
    const { method, config } = request.routeOptions;
    // Typed as always present, but null unless authentication succeeded.
    const user = request.user as Caller | null;
    if (user === null || method === 'GET' || method === 'HEAD') return;
    if (reply.statusCode >= 400 || config.unaudited === true) return;
    const entry: AuditEntry = {
      action: 'changed',
      actor: actorNameOf(user),
      via: 'api',
      address: request.ip,
      requestId: request.id,
      subject: `${request.method} ${request.url.split('?', 1)[0] ?? ''}`,
      details: { status: reply.statusCode },
    };
    try {
      await withTransaction(pool, (client) => insertAudit(client, entry));
    } catch (error) {
      request.log.error({ err: error, entry }, 'cannot write a change to the audit log');
    }
  });
}

/** Writes every change that is made over the API to the audit log. */
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { insertAudit, type AuditEntry } from './audit.ts';
import { actorNameOf, type Caller } from '../http/caller.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Not written to the audit log, because what it does is counted elsewhere: sending pulses. */
    unaudited?: true;
  }
}

/**
 * Adds the hook. A request that is no GET, was let in and is answered without an error is written down before the
 * answer leaves; when that fails the change stands, and the ordinary log has it.
 */
export function auditChanges(app: FastifyInstance, pool: Pool): void {
  app.addHook('onSend', async (request, reply) => {
    const { method, config } = request.routeOptions;
    // Typed as always there; nobody was let in when it is null.
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
      request.log.error({ err: error, entry }, 'a change could not be written to the audit log');
    }
  });
}

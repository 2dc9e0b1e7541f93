/** Writes every change made over the API to the audit log. */
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { insertAudits, type AuditEntry } from './audit.ts';
import { actorNameOf, type Caller } from '../http/caller.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Has no line of this hook: the work is recorded elsewhere, or says more about itself in the audit log. */
    unaudited?: true;
  }
}

/**
 * Adds the hook. It records every authorized request other than GET and HEAD that succeeds and changes something,
 * before the answer is sent. Otherwise a caller that repeats one PUT could fill a table that is only inserted into.
 *
 * If recording fails, the change stands and the application log has it.
 */
export function auditChanges(app: FastifyInstance, pool: Pool): void {
  const write = createGroupWriter(async (entries) => {
    try {
      await insertAudits(pool, entries);
    } catch (error) {
      app.log.error({ err: error, entries }, 'cannot write changes to the audit log');
    }
  });
  app.addHook('onSend', async (request, reply) => {
    const { method, config } = request.routeOptions;
    // Typed as always present, but null unless authentication succeeded.
    const user = request.user as Caller | null;
    if (user === null || method === 'GET' || method === 'HEAD') return;
    if (reply.statusCode >= 400 || config.unaudited === true) return;
    if (request.changesNothing === true) return;
    const entry: AuditEntry = {
      action: 'changed',
      actor: actorNameOf(user),
      via: 'api',
      address: request.ip,
      requestId: request.id,
      subject: `${request.method} ${request.url.split('?', 1)[0] ?? ''}`,
      details: { status: reply.statusCode },
    };
    await write(entry);
  });
}

/**
 * Writes entries in groups, one group at a time: what comes meanwhile is the next group. One commit then serves all the
 * requests that wait for it.
 */
function createGroupWriter(
  write: (entries: readonly AuditEntry[]) => Promise<void>,
): (entry: AuditEntry) => Promise<void> {
  let group: AuditEntry[] = [];
  let written = Promise.resolve();
  return (entry) => {
    group.push(entry);
    if (group.length === 1) {
      written = written.then(() => {
        const entries = group;
        group = [];
        return write(entries);
      });
    }
    return written;
  };
}

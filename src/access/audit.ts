/** Table audit_log: who did or tried what. Rows are never changed; only old refusals are deleted. */
import type { FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { toStorable } from '../core/storable.ts';
import { actorNameOf } from '../http/caller.ts';
import { createRefusalLines, type RefusalLines } from '../http/refusal-lines.ts';
import type { Logger } from '../platform/logger.ts';

export const AUDIT_ACTIONS = [
  'login accepted',
  'login refused',
  'login limited',
  'password refused',
  'password limited',
  'denied',
  'changed',
  'user added',
  'user changed',
  'user disabled',
  'user enabled',
  'password changed',
  'key created',
  'key revoked',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Those that changed nothing. Postgres lets only these be deleted, as in migration 0046. */
export const REFUSALS = [
  'login refused',
  'login limited',
  'password refused',
  'password limited',
  'denied',
] as const satisfies readonly AuditAction[];

export interface AuditSource {
  /** Null: unknown. */
  readonly actor: string | null;
  readonly via: 'api' | 'command_line';
  readonly address?: string;
  readonly requestId?: string;
}

/** A request as the source of an entry. @param actor Default: the caller. */
export function sourceOf(
  request: Pick<FastifyRequest, 'ip' | 'id' | 'user'>,
  actor: string | null = actorNameOf(request.user),
): AuditSource {
  return { actor, via: 'api', address: request.ip, requestId: request.id };
}

export interface AuditEntry extends AuditSource {
  readonly action: AuditAction;
  /** The object of the action. */
  readonly subject?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Writes one entry, in the transaction of the change that it describes if there is one. */
export async function insertAudit(client: Pick<Pool, 'query'>, entry: AuditEntry): Promise<void> {
  await insertAudits(client, [entry]);
}

/** Writes entries in their order, in one statement. */
export async function insertAudits(
  client: Pick<Pool, 'query'>,
  entries: readonly AuditEntry[],
): Promise<void> {
  const rows = entries.map(({ requestId, details = {}, ...rest }) =>
    toStorable({ ...rest, request_id: requestId, details }),
  );
  await client.query(
    `INSERT INTO audit_log (action, actor, via, address, request_id, subject, details)
     SELECT * FROM jsonb_to_recordset($1::jsonb) AS entry(
       action text, actor text, via text, address text, request_id text, subject text, details jsonb)`,
    [JSON.stringify(rows)],
  );
}

/** Records refused requests and logins in the audit log. */
export interface RefusalLog {
  /** Returns at once. */
  note(entry: AuditEntry): void;
  /** Warns in the application log, within a limit. */
  readonly warn: RefusalLines['warn'];
  /** Writes the remaining entries. */
  close(): Promise<void>;
}

const WRITE_EVERY_MS = 5_000;
/** Different refusals in one write. */
const KINDS_MAX = 200;
/** Entries for refusals: so many at once, and then so many a second, however many strangers try. */
const ENTRIES = { atOnce: 1_000, perSecond: 1 };

/**
 * Creates the log. Equal refusals within a few seconds become one entry with their count. Beyond `KINDS_MAX` different
 * ones, or `ENTRIES`, only the total is written, so refused requests cannot fill the table.
 *
 * A process that is killed loses a few seconds of this log; the application log has them.
 */
export function createRefusalLog(
  pool: Pool,
  logger: Logger,
  nowMs: () => number = () => performance.now(),
): RefusalLog {
  let kinds = new Map<string, { entry: AuditEntry; count: number }>();
  let otherCount = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();
  let allowance = { entries: ENTRIES.atOnce, atMs: nowMs() };
  const takeEntry = (): boolean => {
    const atMs = nowMs();
    const earned = ((atMs - allowance.atMs) / 1_000) * ENTRIES.perSecond;
    const entries = Math.min(ENTRIES.atOnce, allowance.entries + earned);
    const isLeft = entries >= 1;
    allowance = { entries: isLeft ? entries - 1 : entries, atMs };
    return isLeft;
  };
  const lines = createRefusalLines(logger);

  const write = async (): Promise<void> => {
    timer = undefined;
    const entries = [...kinds.values()];
    if (otherCount > 0) {
      const entry = { action: 'denied', actor: null, via: 'api', subject: 'various' } as const;
      entries.push({ entry, count: otherCount });
    }
    kinds = new Map();
    otherCount = 0;
    try {
      const counted = entries.map(({ entry, count }) => ({
        ...entry,
        details: { ...entry.details, count },
      }));
      await insertAudits(pool, counted);
    } catch (error) {
      logger.error({ err: error, entries }, 'cannot write refusals to the audit log');
    }
  };

  return {
    warn: lines.warn,
    note(entry) {
      const { action, actor, address, subject, details } = entry;
      const key = JSON.stringify([action, actor, address, subject, details]);
      const known = kinds.get(key);
      if (known !== undefined) known.count += 1;
      else if (kinds.size < KINDS_MAX && takeEntry()) kinds.set(key, { entry, count: 1 });
      else otherCount += 1;
      timer ??= setTimeout(() => {
        writing = write();
      }, WRITE_EVERY_MS).unref();
    },
    async close() {
      lines.close();
      await writing;
      clearTimeout(timer);
      if (kinds.size > 0 || otherCount > 0) await write();
    },
  };
}

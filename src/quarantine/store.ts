/** Stores dead letters, whatever they hold, and tells which of them Postgres refuses for good. */
import { DatabaseError, type Pool } from 'pg';
import type { DeadLetterReason } from '../contract/rejection.ts';
import { codeOf } from '../core/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { DeadLetter } from './dead-letter.ts';
import { insertDeadLetters } from './quarantine-query.ts';

/**
 * SQLSTATEs that blame the row and not the server: data exception, integrity violation, program limit, and an
 * exception that a trigger raises.
 *
 * Class 23 is among them by decision. A constraint that refuses the row will refuse it again, so a retry would stop
 * the quarantine. The constraint is often about a header (a text, an id, a queue), so the row first loses those.
 * If it is refused even so, the message is parked.
 */
const ROW_REFUSED = /^(22|23|54)|^P0001$/;

/** What the driver throws before it has sent anything, when a body is too large for a text in JavaScript. */
const TOO_LONG = 'ERR_STRING_TOO_LONG';

export interface StoreDeps {
  readonly pool: Pick<Pool, 'query'>;
  readonly logger: Logger;
}

export interface Stored {
  /** Of the rows that are new or reopened. */
  readonly reasons: readonly DeadLetterReason[];
  /** Refused for good, with the error; all other rows are committed. */
  readonly refused: ReadonlyMap<DeadLetter, Error>;
}

/**
 * Inserts all rows. When Postgres refuses the data, each row is inserted alone. A row that is still refused is stored
 * without its headers and texts, so that it cannot block the others. If that is refused too, the row is returned.
 *
 * @throws Any other error: then a part may be committed, and the same rows can be stored again.
 */
export async function storeDeadLetters(
  rows: readonly DeadLetter[],
  deps: StoreDeps,
): Promise<Stored> {
  try {
    return { reasons: await insertDeadLetters(deps.pool, rows), refused: new Map() };
  } catch (error) {
    if (!isRowRefused(error)) throw error;
    const [row] = rows;
    if (rows.length === 1 && row !== undefined) return storeReduced(row, error, deps);
    const reasons: DeadLetterReason[] = [];
    const refused = new Map<DeadLetter, Error>();
    for (const one of rows) {
      const stored = await storeDeadLetters([one], deps);
      reasons.push(...stored.reasons);
      for (const [each, why] of stored.refused) refused.set(each, why);
    }
    return { reasons, refused };
  }
}

async function storeReduced(
  row: DeadLetter,
  cause: Error,
  { pool, logger }: StoreDeps,
): Promise<Stored> {
  try {
    const reasons = await insertDeadLetters(pool, [reduced(row, codeOf(cause))]);
    logger.error({ err: cause, id: row.id }, 'dead letter stored in reduced form');
    return { reasons, refused: new Map() };
  } catch (error) {
    if (!isRowRefused(error)) throw error;
    return { reasons: [], refused: new Map([[row, error]]) };
  }
}

/** Classified by code alone. An unknown error counts as an outage, and is tried again. */
export function isRowRefused(error: unknown): error is Error {
  if (error instanceof DatabaseError) return ROW_REFUSED.test(error.code ?? '');
  return error instanceof RangeError || (error instanceof Error && codeOf(error) === TOO_LONG);
}

function reduced(row: DeadLetter, code: string | number | undefined): DeadLetter {
  return {
    ...row,
    reason: 'unknown',
    detail: `Refused as ${row.reason}; stored without headers because of SQLSTATE ${code ?? 'unknown'}.`,
    headersJson: '{}',
    messageId: null,
    pulseIndex: null,
    exchange: null,
    routingKey: null,
    tenant: null,
    pulseId: null,
  };
}

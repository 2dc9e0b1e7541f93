/** How many dead letters wait for a decision, by reason. */
import type { Pool } from 'pg';
import { DEAD_LETTER_REASONS, type DeadLetterReason } from '../contract/rejection.ts';

/** Those of one reason. */
export interface OpenDeadLetters {
  readonly reason: DeadLetterReason;
  readonly count: number;
}

/** Only reasons that have any. At most `countedMax` of each are counted, all in the index dead_letters_open. */
export async function countOpenDeadLetters(
  pool: Pick<Pool, 'query'>,
  countedMax: number,
): Promise<readonly OpenDeadLetters[]> {
  const { rows } = await pool.query<OpenDeadLetters>(
    `SELECT reason, waiting.count
     FROM unnest($1::text[]) AS known (reason)
     CROSS JOIN LATERAL (
       SELECT count(*)::int AS count
       FROM (SELECT FROM dead_letters
         WHERE state = 'quarantined' AND dead_letters.reason = known.reason LIMIT $2) AS bounded
     ) AS waiting
     WHERE waiting.count > 0 ORDER BY waiting.count DESC, reason`,
    [DEAD_LETTER_REASONS, countedMax],
  );
  return rows;
}

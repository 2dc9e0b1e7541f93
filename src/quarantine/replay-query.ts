/** The SQL of a replay's two steps in tables dead_letters and dead_letter_actions. */
import type { Pool } from 'pg';
import { tenantsOf } from '../core/tenant-scope.ts';
import type { Actor, DeadLetterState, ReplayableDeadLetter } from './quarantine.ts';
import { hasRoom } from './quarantine-query.ts';

type Queryable = Pick<Pool, 'query'>;

/**
 * Step 1 of a replay: records that it begins, unless the row is in another state, its history is full, or its
 * pulse may have been counted so long ago that Pulse no longer remembers its id.
 */
export async function beginReplay(
  pool: Queryable,
  replay: {
    readonly id: string;
    readonly replayId: string;
    readonly states: readonly DeadLetterState[];
    /** How long ids are remembered; undefined: replays even if the id may be forgotten. */
    readonly rememberedSeconds: number | undefined;
    readonly actor: Actor;
  },
): Promise<ReplayableDeadLetter | undefined> {
  const { rows } = await pool.query<ReplayableDeadLetter>(
    `WITH begun AS (
       UPDATE dead_letters
       SET replay_id = $2,
           -- A message of the chain counts nothing.
           maybe_counted_since = CASE WHEN queue IS NULL THEN coalesce(maybe_counted_since, now()) END
       WHERE id = $1 AND state = ANY($3::text[]) AND ($7::text[] IS NULL OR tenant = ANY($7))
         AND ${hasRoom('$1')}
         AND ($4::integer IS NULL OR queue IS NOT NULL OR maybe_counted_since IS NULL
              OR maybe_counted_since > now() - $4::integer * interval '1 second')
       RETURNING id, coalesce(fixed_body, body) AS body, headers AS properties,
                 pulse_index AS "pulseIndex", queue, received_at AS "receivedAt"
     ), noted AS (
       INSERT INTO dead_letter_actions (id, dead_letter_id, action, actor, via, body_sha256)
       SELECT $2, id, 'replay_started', $5, $6, sha256(body) FROM begun
     )
     SELECT * FROM begun`,
    [
      replay.id,
      replay.replayId,
      replay.states,
      replay.rememberedSeconds ?? null,
      replay.actor.name,
      replay.actor.via,
      tenantsOf(replay.actor.scope) ?? null,
    ],
  );
  return rows[0];
}

/** Whether a dead letter has as many actions as it may have. */
export async function isHistoryFull(pool: Queryable, id: string): Promise<boolean> {
  const { rows } = await pool.query<{ isFull: boolean }>(
    `SELECT NOT ${hasRoom('$1')} AS "isFull"`,
    [id],
  );
  return rows[0]?.isFull === true;
}

/** Step 3 of a replay: marks the row replayed if it has not changed since step 1. @returns Whether it was marked. */
export async function completeReplay(
  pool: Queryable,
  { id, replayId, actor }: { id: string; replayId: string; actor: Actor },
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `WITH done AS (
       UPDATE dead_letters SET state = 'replayed' WHERE id = $1 AND replay_id = $2 RETURNING id
     )
     INSERT INTO dead_letter_actions (id, dead_letter_id, action, actor, via)
     SELECT gen_random_uuid(), id, 'replayed', $3, $4 FROM done`,
    [id, replayId, actor.name, actor.via],
  );
  return rowCount === 1;
}

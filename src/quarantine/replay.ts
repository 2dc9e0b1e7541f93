/**
 * Replays one dead letter through the same queue and the same dedupe as every pulse.
 *
 * | # | step | if everything dies right after it |
 * |---|---|---|
 * | 1 | one transaction: write the replay's id to the row, and who began it to the history | the row waits; nothing was sent |
 * | 2 | publish the pulse under its old identity, the replay's id in a header; wait for the confirm | the row waits and may be replayed again: it is counted once, because its identity is the same |
 * | 3 | one transaction: mark the row `replayed`, if it still carries this replay's id | done |
 *
 * A pulse that is refused again reaches the quarantine writer with the replay's id, which takes the id off the
 * row and lets it wait again; so it does when that happens before step 3, which then marks nothing.
 */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { RejectedError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';
import { workAsTenants } from '../platform/scoped-postgres.ts';
import { DEAD_LETTER_STATES, type Actor } from './dead-letter-row.ts';
import { countDeadLettersByReason } from './dead-letters-query.ts';
import { toReplayPublication, withoutForeignProperties } from './replay-publication.ts';
import { beginReplay, completeReplay } from './replay-query.ts';

export interface ReplayDeps {
  readonly pool: Pick<Pool, 'connect'>;
  /** Resolves when the broker has confirmed it. */
  readonly publish: (publication: Publication) => Promise<void>;
  readonly queue: string;
  /** How long ingest remembers ids, at least. */
  readonly dedupeWindowSeconds: number;
}

/** How to replay. */
export interface ReplayOptions {
  readonly actor: Actor;
  /** Leave alone what is not waiting. Default: replay it whatever its state. */
  readonly onlyWaiting?: boolean;
  /**
   * Replay also what may have been counted so long ago that its id is forgotten. It is then counted a
   * second time if it was, so a person must know that it was not.
   */
  readonly evenIfForgotten?: boolean;
}

/**
 * - `replayed`: in the queue, confirmed.
 * - `overtaken`: in the queue, confirmed, and the row has moved on: refused again already, or fixed, discarded
 *   or replayed by somebody else at the same time.
 * - `forgotten`: not sent, because it may have been counted and its id may be forgotten.
 * - `missing`: there is no such dead letter, or none that waits.
 */
export type ReplayOutcome = 'replayed' | 'overtaken' | 'forgotten' | 'missing';

/**
 * Replays one dead letter.
 *
 * @throws TransientError A server did not answer. It may have been published; replay it again.
 */
export async function replayDeadLetter(
  deps: ReplayDeps,
  id: string,
  { actor, onlyWaiting = false, evenIfForgotten = false }: ReplayOptions,
): Promise<ReplayOutcome> {
  const { pool, queue, dedupeWindowSeconds } = deps;
  const replayId = randomUUID();
  const states = onlyWaiting ? (['quarantined'] as const) : DEAD_LETTER_STATES;
  const rememberedSeconds = evenIfForgotten ? undefined : dedupeWindowSeconds;
  // 1. Dying after it: the row waits, nothing was sent.
  const deadLetter = await workAsTenants(pool, actor.scope, (client) =>
    beginReplay(client, { id, replayId, states, rememberedSeconds, actor }),
  );
  if (deadLetter === undefined) {
    const state = onlyWaiting ? 'quarantined' : undefined;
    const { total } = await workAsTenants(pool, actor.scope, (client) =>
      countDeadLettersByReason(client, { ids: [id], state, scope: actor.scope }),
    );
    return total > 0 ? 'forgotten' : 'missing';
  }
  // 2. Dying after it: the row waits; replayed again it is counted once, by its identity.
  await publishReplay(deps, toReplayPublication(deadLetter, { queue, replayId }), replayId);
  // 3. Only if the replay has not come back already.
  const done = await workAsTenants(pool, actor.scope, (client) =>
    completeReplay(client, { id, replayId, actor }),
  );
  return done ? 'replayed' : 'overtaken';
}

async function publishReplay(
  { publish }: ReplayDeps,
  publication: Publication,
  replayId: string,
): Promise<void> {
  try {
    await publish(publication);
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    // A foreign property that cannot be sent on must not keep its pulse in the quarantine.
    await publish(withoutForeignProperties(publication, replayId));
  }
}

/**
 * Replays one dead letter through the same queue and the same deduplication as every pulse.
 *
 * | # | step | if everything dies right after it |
 * |---|---|---|
 * | 1 | one transaction: write the replay's id to the row, and who started it to the history | the row is still quarantined; nothing was sent |
 * | 2 | publish the pulse under its original identity, with the replay's id in a header; wait for the confirm | the row is still quarantined and can be replayed again: the pulse is counted once, because its identity is the same |
 * | 3 | one transaction: mark the row `replayed`, if it still has this replay's id | done |
 *
 * A pulse that is refused again reaches the quarantine writer with the replay's id. The writer then removes the
 * id from the row and reopens it. If that happens before step 3, step 3 marks nothing.
 */
import { randomUUID } from 'node:crypto';
import { codeOf, RejectedError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';
import { workAsTenants, type ScopedPool } from '../platform/scoped-postgres.ts';
import { DEAD_LETTER_STATES, type Actor, type DeadLetterFilters } from './quarantine.ts';
import { countDeadLettersByReason } from './quarantine-query.ts';
import { toReplayPublication, withoutForeignProperties } from './replay-publication.ts';
import { beginReplay, completeReplay, isHistoryFull } from './replay-query.ts';

export interface ReplayDeps {
  readonly pool: ScopedPool;
  /** Resolves when the broker has confirmed the publication. */
  readonly publish: (publication: Publication) => Promise<void>;
  readonly queue: string;
  /** The shortest time for which ingest remembers ids. */
  readonly dedupeWindowSeconds: number;
}

export interface ReplayOptions {
  readonly actor: Actor;
  /** Replay only what is quarantined. Default: any state. */
  readonly onlyWaiting?: boolean;
  /**
   * Replay even if the pulse may have been counted so long ago that its id is forgotten. If it was counted, it
   * is then counted twice, so a person must know that it was not.
   */
  readonly evenIfForgotten?: boolean;
}

/**
 * - `replayed`: in the queue, confirmed.
 * - `overtaken`: in the queue, confirmed, and the row has changed since: it was refused again already, or
 *   fixed, discarded or replayed by another caller at the same time.
 * - `forgotten`: not sent, because the pulse may have been counted and its id may be forgotten.
 * - `full`: not sent, because its history has as many actions as it may have.
 * - `unroutable`: not sent, because its queue or exchange no longer exists.
 * - `missing`: there is no such dead letter, or it is not quarantined.
 */
export type ReplayOutcome =
  'replayed' | 'overtaken' | 'forgotten' | 'full' | 'unroutable' | 'missing';

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
  // 1. After a crash here the row is still quarantined, and nothing was sent.
  const deadLetter = await workAsTenants(pool, actor.scope, (client) =>
    beginReplay(client, { id, replayId, states, rememberedSeconds, actor }),
  );
  if (deadLetter === undefined) {
    const state = onlyWaiting ? 'quarantined' : undefined;
    return await workAsTenants(pool, actor.scope, async (client) => {
      const filters: DeadLetterFilters = { ids: [id], state, scope: actor.scope };
      const { total } = await countDeadLettersByReason(client, filters);
      if (total === 0) return 'missing';
      return (await isHistoryFull(client, id)) ? 'full' : 'forgotten';
    });
  }
  // 2. After a crash here the row is still quarantined; a second replay has the same identity and counts once.
  try {
    await publishReplay(deps, toReplayPublication(deadLetter, { queue, replayId }), replayId);
  } catch (error) {
    if (codeOf(error) === 'PULSE_PUBLISH_UNROUTABLE') return 'unroutable';
    throw error;
  }
  // 3. Marks nothing if the pulse was refused again already.
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
    // A foreign property that cannot be sent must not keep its pulse in the quarantine.
    await publish(withoutForeignProperties(publication, replayId));
  }
}

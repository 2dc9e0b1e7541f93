/** Replays the dead letters that wait and match, oldest first, no faster than asked. */
import { PulseError } from '../core/errors.ts';
import type { RejectionReason } from '../contract/rejection.ts';
import { sleep } from '../platform/backoff.ts';
import { readAsTenants } from '../platform/scoped-postgres.ts';
import type { Actor, DeadLetterFilters, DeadLetterRow } from './dead-letter-row.ts';
import { countDeadLettersByReason, listDeadLetters, readClock } from './dead-letters-query.ts';
import { replayDeadLetter, type ReplayDeps, type ReplayOutcome } from './replay.ts';

export type ManyFilters = Omit<DeadLetterFilters, 'state'>;

export interface ReplayManyOptions {
  readonly actor: Actor;
  readonly filters: ManyFilters;
  /** The cursor where an earlier run ended. */
  readonly after?: string | undefined;
  /** How many at most. */
  readonly limit: number;
  /** Replays begun in a second, at most. */
  readonly ratePerSecond: number;
  readonly evenIfForgotten?: boolean;
  /** Begin no more after this time. */
  readonly timeoutMs?: number;
  /** Begin no more when it is aborted. */
  readonly signal?: AbortSignal;
  /** Called after each with how many are done. */
  readonly onProgress?: (doneCount: number) => void;
}

/** What a run did. Each outcome is counted; see ReplayOutcome. */
export interface ReplayReport extends Record<ReplayOutcome, number> {
  /**
   * `finished`: none is left; `limit`: as many as allowed; `stopped`: by time or signal; `failed`: a server did not
   * answer, and `error` says which.
   */
  readonly end: 'finished' | 'limit' | 'stopped' | 'failed';
  /**
   * Where to continue: after the last one that was taken, or after a failure where this run began, since what was
   * replayed waits no longer. Null: at the beginning, or nowhere because none is left.
   */
  readonly next: string | null;
  readonly error: PulseError | undefined;
}

/** What a bulk action would meet. */
export interface Preview {
  readonly matched: number;
  readonly byReason: Partial<Record<RejectionReason, number>>;
  /** The oldest few. */
  readonly first: readonly DeadLetterRow[];
}

/** Few, so that a run leaves most of the pool's connections to others. */
const IN_FLIGHT_MAX = 4;
const PAGE_ROWS = 500;
const PREVIEW_ROWS = 5;

/** Looks without touching. */
export function previewMany({ pool }: Pick<ReplayDeps, 'pool'>, given: ManyFilters) {
  const filters = { ...given, state: 'quarantined' } as const;
  return readAsTenants(pool, given.scope ?? 'all', async (client): Promise<Preview> => {
    const { total, byReason } = await countDeadLettersByReason(client, filters);
    const page = { limit: PREVIEW_ROWS, order: 'oldest' } as const;
    return {
      matched: total,
      byReason,
      first: await listDeadLetters(client, { ...filters, ...page }),
    };
  });
}

/**
 * Replays one after the other, a few at a time. Each is taken once in a run: what is refused again keeps
 * its place in the list, behind the run, and what arrives during the run is left for the next.
 *
 * Ends at the first error of a server; the report then has it, with what was done before.
 */
export async function replayMany(
  deps: ReplayDeps,
  options: ReplayManyOptions,
): Promise<ReplayReport> {
  const { limit, ratePerSecond, signal, actor, evenIfForgotten = false } = options;
  const deadlineMs = performance.now() + (options.timeoutMs ?? Infinity);
  const counts = { replayed: 0, overtaken: 0, forgotten: 0, missing: 0 };
  const inFlight = new Set<Promise<void>>();
  const pace = createPace(ratePerSecond, signal);
  let taken = 0;
  let done = 0;
  let next: string | null = options.after ?? null;
  let error: Error | undefined;
  let end: ReplayReport['end'] = 'finished';

  const fail = (failure: unknown): void => {
    error ??= failure instanceof Error ? failure : new Error('unknown', { cause: failure });
  };
  const replayOne = async (id: string): Promise<void> => {
    try {
      counts[await replayDeadLetter(deps, id, { actor, evenIfForgotten, onlyWaiting: true })] += 1;
      options.onProgress?.(++done);
    } catch (failure) {
      fail(failure);
    }
  };

  try {
    for await (const row of walk(deps, options)) {
      if (taken >= limit) end = 'limit';
      else if (!(await pace(deadlineMs))) end = 'stopped';
      if (error !== undefined) end = 'failed';
      if (end !== 'finished') break;
      taken += 1;
      next = row.cursor;
      const running = replayOne(row.id).finally(() => inFlight.delete(running));
      inFlight.add(running);
      if (inFlight.size >= IN_FLIGHT_MAX) await Promise.race(inFlight);
    }
  } catch (failure) {
    fail(failure);
  }
  await Promise.all(inFlight);
  if (error !== undefined) {
    if (!(error instanceof PulseError)) throw error;
    end = 'failed';
  }
  if (end === 'failed') next = options.after ?? null;
  if (end === 'finished') next = null;
  return { ...counts, end, next, error };
}

/** The rows that wait and match, oldest first, up to those received when the walk began. */
async function* walk({ pool }: ReplayDeps, { filters, after, actor }: ReplayManyOptions) {
  const { scope } = actor;
  const nowMs = await readAsTenants(pool, scope, readClock);
  const toMs = Math.min(filters.toMs ?? Infinity, nowMs);
  const page = {
    ...filters,
    scope,
    toMs,
    state: 'quarantined',
    order: 'oldest',
    limit: PAGE_ROWS,
  } as const;
  for (let cursor = after; ;) {
    const rows = await readAsTenants(pool, scope, (client) =>
      listDeadLetters(client, { ...page, after: cursor }),
    );
    yield* rows;
    cursor = rows.at(-1)?.cursor;
    if (rows.length < PAGE_ROWS) return;
  }
}

/** Waits for the turn of the next one. @returns False when time is up before its turn, or `signal` aborts. */
function createPace(ratePerSecond: number, signal: AbortSignal | undefined) {
  const isAborted = (): boolean => signal?.aborted === true;
  let turnMs = performance.now();
  return async (deadlineMs: number): Promise<boolean> => {
    const nowMs = performance.now();
    // Turns that were missed are not made up: the rate is a bound, not an average.
    turnMs = Math.max(turnMs, nowMs);
    if (turnMs >= deadlineMs || isAborted()) return false;
    await sleep(turnMs - nowMs, signal);
    turnMs += 1000 / ratePerSecond;
    return !isAborted();
  };
}

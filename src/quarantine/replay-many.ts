/** Replays the quarantined dead letters that match, oldest first, at a bounded rate. */
import { PulseError } from '../core/errors.ts';
import type { DeadLetterReason } from '../contract/rejection.ts';
import { sleep } from '../platform/backoff.ts';
import { readAsTenants } from '../platform/scoped-postgres.ts';
import type { Actor, DeadLetterFilters, DeadLetterRow } from './quarantine.ts';
import { countDeadLettersByReason, listDeadLetters, readClock } from './quarantine-query.ts';
import { replayDeadLetter, type ReplayDeps, type ReplayOutcome } from './replay.ts';

export type ManyFilters = Omit<DeadLetterFilters, 'state'>;

export interface ReplayManyOptions {
  readonly actor: Actor;
  readonly filters: ManyFilters;
  /** The cursor at which an earlier run ended. */
  readonly after?: string | undefined;
  /** At most this many. */
  readonly limit: number;
  /** At most this many replays are started per second. */
  readonly ratePerSecond: number;
  readonly evenIfForgotten?: boolean;
  /** Replays at a time; each needs a connection to Postgres. */
  readonly inFlightMax?: number;
  /** Starts no replay after this time. */
  readonly timeoutMs?: number;
  /** Starts no replay once it is aborted. */
  readonly signal?: AbortSignal;
  /** Called after each replay. */
  readonly onProgress?: (doneCount: number) => void;
}

/** What a run did: how many replays had each outcome, and how it ended. */
export interface ReplayReport extends Record<ReplayOutcome, number> {
  /**
   * `finished`: none is left; `limit`: reached the limit; `stopped`: by time or signal; `failed`: a server did
   * not answer, see `error`.
   */
  readonly end: 'finished' | 'limit' | 'stopped' | 'failed';
  /**
   * The cursor to continue from: the last one taken or, after a failure, where this run began, because what it
   * has replayed is no longer quarantined. Null: the beginning, or the end if none is left.
   */
  readonly next: string | null;
  readonly error: PulseError | undefined;
}

/** What a bulk action would change. */
export interface Preview {
  readonly matched: number;
  readonly byReason: Partial<Record<DeadLetterReason, number>>;
  /** The oldest five. */
  readonly first: readonly DeadLetterRow[];
}

const IN_FLIGHT_MAX_DEFAULT = 4;
const PAGE_ROWS = 500;
const PREVIEW_ROWS = 5;

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
 * Replays a few at a time. A run takes each dead letter once: one that is refused again keeps its place in the
 * list, behind the run, and one that arrives during the run is left for the next.
 *
 * Ends at the first error of a server; the report has the error and what was done before it.
 */
export async function replayMany(
  deps: ReplayDeps,
  options: ReplayManyOptions,
): Promise<ReplayReport> {
  const { limit, ratePerSecond, signal, actor, evenIfForgotten = false } = options;
  const { inFlightMax = IN_FLIGHT_MAX_DEFAULT } = options;
  const deadlineMs = performance.now() + (options.timeoutMs ?? Infinity);
  const counts = { replayed: 0, overtaken: 0, forgotten: 0, full: 0, unroutable: 0, missing: 0 };
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
      if (inFlight.size >= inFlightMax) await Promise.race(inFlight);
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

/** The quarantined rows that match, oldest first, that were received before the walk began. */
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

/** Waits until the next replay may start. @returns False if the deadline comes first, or `signal` aborts. */
function createPace(ratePerSecond: number, signal: AbortSignal | undefined) {
  const isAborted = (): boolean => signal?.aborted === true;
  let turnMs = performance.now();
  return async (deadlineMs: number): Promise<boolean> => {
    const nowMs = performance.now();
    // A late start is not made up for: the rate is a bound, not an average.
    turnMs = Math.max(turnMs, nowMs);
    if (turnMs >= deadlineMs || isAborted()) return false;
    await sleep(turnMs - nowMs, signal);
    turnMs += 1000 / ratePerSecond;
    return !isAborted();
  };
}

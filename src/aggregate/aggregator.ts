/**
 * The aggregator of one shard: folds the journal into the live sums, while it holds the shard's lease.
 *
 * 1. Read the entries after the position of the last commit.    Dying after it changes nothing.
 * 2. Fold them, in their order.                                 The next aggregator does the same from that position.
 * 3. Commit sums, ids and position in one atomic call.          All of it is durable, or none of it.
 */
import { randomUUID } from 'node:crypto';
import { FatalError, PulseError } from '../core/errors.ts';
import { backoffDelayMs, sleep } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { createOutageLog, type OutageLog } from '../platform/outage-log.ts';
import type { AggregateStep } from './aggregate-steps.ts';
import { foldEntry } from './fold-entry.ts';
import type { FoldedState, Journal, Round } from './journal.ts';
import type { SeenIds } from './seen-ids.ts';
import { leaseLost } from './shard-calls.ts';

export interface AggregatorOptions {
  readonly shard: number;
  readonly journal: Journal;
  readonly loadSeenIds: (state: string | null, token: string) => Promise<SeenIds>;
  readonly logger: Logger;
  readonly onStep?: (step: AggregateStep) => void | Promise<void>;
  /** Called after each commit. */
  readonly onCounts?: (counts: { counted: number; duplicates: number }) => void;
}

/** A dead aggregator's lease ends after this time. */
const LEASE_MS = 3_000;
const RENEW_MS = 1_000;
/** How long a stop may go on folding. */
const LAST_ROUNDS_MS = 2_000;
const RETRY = { baseMs: 50, capMs: 1_000 };

/** Entries in one read; each is a batch of one ingest thread. */
const ENTRIES_A_READ = 16;
/** A commit of so many sums blocks Redis for some 20 ms. */
const CHANGED_SUMS_MAX = 20_000;
const COMMIT_MS = { min: 50, max: 2_000, perChangedSum: 0.03 };

/**
 * How long a round may last. A commit costs Redis and Node about 3 µs for each changed sum, so this keeps it at a tenth
 * of the time.
 */
export function roundMs(changedSums: number): number {
  return Math.min(COMMIT_MS.max, Math.max(COMMIT_MS.min, changedSums * COMMIT_MS.perChangedSum));
}

/**
 * Folds whenever it can get the lease, until `signal` is aborted. Commits what it has folded then, and releases the
 * lease.
 *
 * @throws FatalError Redis holds something that is not Pulse's.
 */
export async function aggregateShard(
  options: AggregatorOptions,
  signal: AbortSignal,
): Promise<void> {
  const { shard, journal, logger } = options;
  const outage = createOutageLog({
    logger,
    facts: { shard },
    failedText: 'the journal is not folded',
    endedText: 'the journal is folded again',
  });
  for (let failures = 0; !signal.aborted;) {
    const token = randomUUID();
    try {
      const request = { action: 'take', milliseconds: LEASE_MS } as const;
      const timeSec = await journal.lease(shard, token, request);
      if (timeSec === undefined) {
        await sleep(RENEW_MS / 2, signal);
        continue;
      }
      await foldWhileHeld(options, { token, timeSec, outage }, signal);
      failures = 0;
    } catch (error) {
      if (error instanceof FatalError || !(error instanceof PulseError)) throw error;
      failures += 1;
      if (error.code === 'PULSE_REDIS_LEASE') logger.info({ shard }, LEASE_LOST);
      else outage.failed(error);
      await sleep(backoffDelayMs(failures, RETRY), signal);
    } finally {
      await journal.lease(shard, token, { action: 'release' }).catch(() => undefined);
    }
  }
}

const LEASE_LOST = 'lost the lease of a shard; another aggregator folds its journal';

async function foldWhileHeld(
  options: AggregatorOptions,
  { token, timeSec, outage }: { token: string; timeSec: number; outage: OutageLog },
  signal: AbortSignal,
): Promise<void> {
  const lease = keepLease(options, { token, timeSec });
  try {
    const state = await options.journal.load(options.shard);
    const seen = await options.loadSeenIds(state.generations, token);
    seen.turn(timeSec);
    const rounds = createRounds(options, { token, state, seen }, signal);
    while (!signal.aborted) {
      if (!lease.isHeld) throw leaseLost();
      await rounds.step();
      outage.ended();
      await rounds.settle(lease.timeSec);
    }
    // What this process has appended before it stops becomes visible with it.
    const deadlineMs = performance.now() + LAST_ROUNDS_MS;
    while ((await rounds.step()) > 0 && performance.now() < deadlineMs);
    await rounds.commit();
  } finally {
    lease.end();
  }
}

/** Renews the lease. Whoever has lost it finds out soon, and at the latest when its next commit is refused. */
function keepLease(
  { shard, journal }: AggregatorOptions,
  { token, timeSec }: { token: string; timeSec: number },
) {
  const lease = {
    isHeld: true,
    /** When it was last renewed, by Redis' clock. */
    timeSec,
    end: (): void => {
      clearInterval(timer);
    },
  };
  const renew = (): void => {
    journal.lease(shard, token, { action: 'renew', milliseconds: LEASE_MS }).then(
      (time) => {
        lease.isHeld = time !== undefined;
        lease.timeSec = time ?? lease.timeSec;
      },
      () => undefined,
    );
  };
  const timer = setInterval(renew, RENEW_MS);
  return lease;
}

/** The rounds of one holder of the lease. After any error they must not be continued. */
function createRounds(
  { shard, journal, onStep, onCounts }: AggregatorOptions,
  { token, state, seen }: { token: string; state: FoldedState; seen: SeenIds },
  signal: AbortSignal,
) {
  const { sums } = state;
  let committedPosition = state.position;
  let round = newRound(state.position);

  /** Repeats the commit until Redis has answered it. */
  const commitRound = async (whole: Round): Promise<'committed' | 'sealed'> => {
    for (let failures = 1; ; failures++) {
      try {
        return await journal.commit(shard, { token, before: committedPosition, round: whole });
      } catch (error) {
        if (!isUnanswered(error) || signal.aborted) throw error;
        await sleep(backoffDelayMs(failures, RETRY), signal);
      }
    }
  };

  const commit = async (): Promise<void> => {
    if (round.position === committedPosition && !seen.hasChanged) return;
    const { state: generations, storedState: generationsBefore } = seen;
    const rest = { ...round, ids: seen.takeAdded(), generations, generationsBefore };
    let changes = sums.changes();
    if ((await commitRound({ ...rest, sums: changes })) === 'sealed') {
      sums.sealed();
      changes = sums.changes();
      if ((await commitRound({ ...rest, sums: changes })) === 'sealed') throw leaseLost();
    }
    sums.committed(changes);
    seen.stored(generations);
    committedPosition = round.position;
    const { counted, duplicates } = round;
    round = newRound(committedPosition);
    onCounts?.({ counted, duplicates });
    await onStep?.('committed');
  };
  return {
    commit,

    /** Reads and folds; commits when the round is due. @returns How many entries it read. */
    async step(): Promise<number> {
      const dueInMs = round.startedAtMs + roundMs(sums.changedCount) - performance.now();
      const isEmpty = round.position === committedPosition;
      const spareMs = isEmpty ? COMMIT_MS.min : Math.max(0, Math.ceil(dueInMs));
      const waitMs = signal.aborted ? 0 : spareMs;
      const { position } = round;
      const entries = await journal.read(shard, { position, count: ENTRIES_A_READ, waitMs });
      await onStep?.('read');
      for (const { id, bytes } of entries) {
        if (round.position === committedPosition) round.startedAtMs = performance.now();
        const { counted, duplicates } = await foldEntry(bytes, { sums, seen });
        round.position = id;
        round.counted += counted;
        round.duplicates += duplicates;
        round.bytes += bytes.length;
        if (sums.changedCount >= CHANGED_SUMS_MAX) await commit();
      }
      if (entries.length > 0) await onStep?.('folded');
      const ageMs = performance.now() - round.startedAtMs;
      if (ageMs >= roundMs(sums.changedCount)) await commit();
      return entries.length;
    },

    /** Between rounds: turns the generations of ids, and tidies up after them. */
    async settle(timeSec: number): Promise<void> {
      if (round.position !== committedPosition) return;
      seen.turn(timeSec);
      await seen.tidy();
      if (seen.hasChanged) await commit();
    },
  };
}

function isUnanswered(error: unknown): boolean {
  return error instanceof PulseError && error.code === 'PULSE_REDIS_APPLY';
}

function newRound(position: string) {
  return { position, counted: 0, duplicates: 0, bytes: 0, startedAtMs: 0 };
}

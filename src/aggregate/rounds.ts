/**
 * The rounds of the fold of one shard, in memory: what the last commit left in Redis, and one open round on top of it.
 *
 * 1. Read the entries after the position of the last commit.    Dying after it changes nothing.
 * 2. Fold them, in their order.                                 The next aggregator does the same from that position.
 * 3. Commit sums, ids and position in one atomic call.          All of it is durable, or none of it.
 */
import { PulseError } from '../core/errors.ts';
import { backoffDelayMs, sleep } from '../platform/backoff.ts';
import type { AggregateStep } from './aggregate-steps.ts';
import { foldEntry } from './fold-entry.ts';
import type { FoldedState, Journal, Round } from './journal.ts';
import type { LiveSums } from './live-sums.ts';
import type { RedisTime } from './redis-clock.ts';
import type { SeenIds } from './seen-ids.ts';
import { leaseLost } from './shard-calls.ts';

export interface RoundsOptions {
  readonly shard: number;
  readonly journal: Journal;
  readonly loadSeenIds: (state: string | null, token: string) => Promise<SeenIds>;
  readonly onStep?: (step: AggregateStep) => void | Promise<void>;
  /** Called after each commit. */
  readonly onCounts?: (counts: { counted: number; duplicates: number }) => void;
}

const RETRY = { baseMs: 50, capMs: 1_000 };
/** Entries in one read; each is a batch of one ingest thread. */
const ENTRIES_A_READ = 16;
/** A commit of so many sums blocks Redis for some 20 ms. */
const CHANGED_SUMS_MAX = 20_000;
const COMMIT_MS = { min: 50, max: 2_000, perChangedSum: 0.03 };

interface Begin {
  readonly token: string;
  readonly state: FoldedState;
  readonly seen: SeenIds;
  readonly signal: AbortSignal;
}

/** Loads what the last commit left. @param token Holds the lease. @param signal Ends waiting. */
export async function loadRounds(
  options: RoundsOptions,
  token: string,
  signal: AbortSignal,
): Promise<Rounds> {
  const state = await options.journal.load(options.shard);
  const seen = await options.loadSeenIds(state.generations, token);
  return new Rounds(options, { token, state, seen, signal });
}

/** After a transient error, go on only when `resume` says so. After any other, never. */
export class Rounds {
  readonly #options: RoundsOptions;
  readonly #signal: AbortSignal;
  readonly #sums: LiveSums;
  readonly #seen: SeenIds;
  #token: string;
  #committedPosition: string;
  #round: OpenRound;

  constructor(options: RoundsOptions, { token, state, seen, signal }: Begin) {
    this.#options = options;
    this.#signal = signal;
    this.#sums = state.sums;
    this.#seen = seen;
    this.#token = token;
    this.#committedPosition = state.position;
    this.#round = newRound(state.position);
  }

  /**
   * Goes on under a new lease, if the last commit is still that of this memory. Otherwise the memory is worthless.
   *
   * Each commit changes the position or the generations, and neither ever returns to an earlier value. So if both are
   * the same, nobody has committed since; and what is still on its way under an older token is refused from now on.
   * A seal needs no lease, but the next commit finds it. Another batch, or an open round that is not in the journal any
   * more: Redis has lost writes. The commit alone would not tell: if another has folded to where this round ends, it
   * looks committed.
   *
   * @param token Holds the lease.
   */
  async resume(token: string): Promise<boolean> {
    const { shard, journal } = this.#options;
    const { position, generations, batchId, hasEntry } = await journal.marks(
      shard,
      this.#round.position,
    );
    // Before the first commit Redis has no generations: there is nothing to keep, and an emptied Redis looks the same.
    if (position !== this.#committedPosition || generations !== this.#seen.storedState)
      return false;
    if (batchId !== '' && batchId !== this.#sums.batchId) return false;
    if (this.#isOpen && !hasEntry) return false;
    this.#token = token;
    this.#seen.holdWith(token);
    return true;
  }

  /** Reads and folds; commits when the round is due. @returns How many entries it read. */
  async step(): Promise<number> {
    const { shard, journal, onStep } = this.#options;
    const round = this.#round;
    const dueInMs = round.startedAtMs + this.#lastsMs - performance.now();
    const spareMs = this.#isOpen ? Math.max(0, Math.ceil(dueInMs)) : COMMIT_MS.min;
    const waitMs = this.#signal.aborted ? 0 : spareMs;
    const { position } = round;
    const entries = await journal.read(shard, { position, count: ENTRIES_A_READ, waitMs });
    await onStep?.('read');
    for (const { id, bytes } of entries) await this.#fold(id, bytes);
    if (entries.length > 0) await onStep?.('folded');
    if (performance.now() - this.#round.startedAtMs >= this.#lastsMs) await this.commit();
    return entries.length;
  }

  /** Between rounds: closes and forgets generations of ids. */
  turn(time: RedisTime): void {
    if (!this.#isOpen) this.#seen.turn(time);
  }

  /** Between rounds: turns, and tidies up after it. */
  async settle(time: RedisTime): Promise<void> {
    if (this.#isOpen) return;
    this.#seen.turn(time);
    await this.#seen.tidy();
    if (this.#seen.hasChanged) await this.commit();
  }

  async commit(): Promise<void> {
    const sums = this.#sums;
    const seen = this.#seen;
    if (!this.#isOpen && !seen.hasChanged) return;
    const { added: ids, state: generations, storedState: generationsBefore } = seen;
    const rest = { ...this.#round, ids, generations, generationsBefore };
    let changes = sums.changes();
    if ((await this.#send({ ...rest, sums: changes })) === 'sealed') {
      sums.sealed();
      changes = sums.changes();
      if ((await this.#send({ ...rest, sums: changes })) === 'sealed') throw leaseLost();
    }
    sums.committed(changes);
    seen.stored(generations);
    const { position, counted, duplicates } = this.#round;
    this.#committedPosition = position;
    this.#round = newRound(position);
    this.#options.onCounts?.({ counted, duplicates });
    await this.#options.onStep?.('committed');
  }

  get #isOpen(): boolean {
    return this.#round.position !== this.#committedPosition;
  }

  /**
   * How long the open round may last. A commit costs Redis and Node about 3 µs for each changed sum, so this keeps it
   * at a tenth of the time.
   */
  get #lastsMs(): number {
    const wantedMs = this.#sums.changedCount * COMMIT_MS.perChangedSum;
    return Math.min(COMMIT_MS.max, Math.max(COMMIT_MS.min, wantedMs));
  }

  async #fold(id: string, bytes: Buffer): Promise<void> {
    const sums = this.#sums;
    if (!this.#isOpen) this.#round.startedAtMs = performance.now();
    const { counted, duplicates } = await foldEntry(bytes, { sums, seen: this.#seen });
    this.#round.position = id;
    this.#round.counted += counted;
    this.#round.duplicates += duplicates;
    this.#round.bytes += bytes.length;
    if (sums.changedCount >= CHANGED_SUMS_MAX) await this.commit();
  }

  /** Repeats a commit until Redis has answered it. */
  async #send(round: Round): Promise<'committed' | 'sealed'> {
    const { shard, journal } = this.#options;
    const call = { token: this.#token, before: this.#committedPosition, round };
    for (let failures = 1; ; failures++) {
      try {
        return await journal.commit(shard, call);
      } catch (error) {
        if (!isUnanswered(error) || this.#signal.aborted) throw error;
        await sleep(backoffDelayMs(failures, RETRY), this.#signal);
      }
    }
  }
}

function isUnanswered(error: unknown): boolean {
  return error instanceof PulseError && error.code === 'PULSE_REDIS_APPLY';
}

type OpenRound = ReturnType<typeof newRound>;

function newRound(position: string) {
  return { position, counted: 0, duplicates: 0, bytes: 0, startedAtMs: 0 };
}

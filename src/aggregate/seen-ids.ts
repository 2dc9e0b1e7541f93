/**
 * The ids that the aggregator of one shard remembers, so that no pulse is counted twice.
 *
 * New ids are in an exact table in memory and, by the caller's commits, in a list in Redis. A closed generation is
 * compacted step by step: its ids go to Redis, cut into segments, and only filters over them stay in memory. Until then
 * its table answers. A filter's "no" is final; its "maybe" is settled by reading one page from Redis.
 *
 * Redis decides: this object is only a copy of what commits have stored, and the next aggregator loads the same from
 * the last stored state.
 *
 * | after | in Redis | if the aggregator dies here |
 * |---|---|---|
 * | a commit that closes a generation | its chunks; the state says `closed` | the next one loads the chunks |
 * | some segments are written | chunks and some segments | the same, and writes the same segments again |
 * | a commit that says `compact` | chunks and all segments | the next one loads filters, and drops the chunks |
 * | the chunks are dropped | all segments | the next one loads filters |
 * | a commit that forgets it | its segments; the state says `dropping` | the next one drops the rest of them |
 */
import { copyId, ID_BYTES } from './id-fingerprint.ts';
import type { RedisTime } from './redis-clock.ts';
import { ClosedGeneration, type Suspects } from './seen-closed.ts';
import {
  generationInUse,
  parseSeenState,
  turnGenerations,
  type Dropping,
  type Generation,
  type SeenState,
} from './seen-state.ts';
import {
  createSeenStore,
  pageHas,
  type PageRef,
  type SeenStore,
  type SeenStoreOptions,
} from './seen-store.ts';
import { isNoId, SeenTable } from './seen-table.ts';

export interface SeenIdsOptions extends SeenStoreOptions {
  readonly windowSeconds: number;
  /** What the last commit stored; null before the first. */
  readonly state: string | null;
  /** A generation is closed when it has so many ids, even if it is young. */
  readonly generationIdsMax?: number;
}

const GENERATION_IDS_MAX = 16_000_000;
const SEGMENTS_DROPPED_AT_ONCE = 64;
const PENDING_BYTES = 64 * 1024;

/**
 * Reads what earlier aggregators of the shard have stored; the caller must hold the lease.
 *
 * @throws TransientError PULSE_REDIS_APPLY, PULSE_REDIS_LEASE
 * @throws FatalError PULSE_REDIS_SEEN when Redis has not all of it.
 */
export async function loadSeenIds(options: SeenIdsOptions): Promise<SeenIds> {
  const store = createSeenStore(options);
  const state = parseSeenState(options.state);
  const inUse = await store.readTable(generationInUse(state));
  const closed: ClosedGeneration[] = [];
  for (const generation of state.list.slice(0, -1)) {
    const read = generation.compact ? store.readFilters : store.readTable;
    closed.push(new ClosedGeneration(generation, await read(generation)));
  }
  return new SeenIds({ ...options, store, inUse, closed });
}

/** See loadSeenIds. When a commit fails, what it had and what was added since belong to the next one. */
export class SeenIds {
  readonly #storeOptions: SeenStoreOptions;
  #store: SeenStore;
  readonly #windowSeconds: number;
  readonly #generationIdsMax: number;
  /** The count of the generation in use is in its table. */
  #state: SeenState;
  #stored: SeenState;
  #storedText: string | null;
  #inUse: SeenTable;
  #closed: readonly ClosedGeneration[];
  #dropFrom = 0;
  #pending = Buffer.allocUnsafeSlow(PENDING_BYTES);
  #pendingBytes = 0;

  constructor(
    options: SeenIdsOptions & {
      store: SeenStore;
      inUse: SeenTable;
      closed: readonly ClosedGeneration[];
    },
  ) {
    this.#storeOptions = options;
    this.#store = options.store;
    this.#windowSeconds = options.windowSeconds;
    this.#generationIdsMax = options.generationIdsMax ?? GENERATION_IDS_MAX;
    this.#storedText = options.state;
    this.#stored = parseSeenState(options.state);
    this.#state = this.#stored;
    this.#inUse = options.inUse;
    this.#closed = options.closed;
  }

  /** Goes on under another lease. */
  holdWith(leaseToken: string): void {
    this.#store = createSeenStore({ ...this.#storeOptions, leaseToken });
  }

  /** The ids of a batch that closed generations have, or may have; undefined when there are none, as usual. */
  suspects(ids: Buffer): Suspects | undefined {
    const suspects: Suspects = { ids, held: [], open: [] };
    for (const generation of this.#closed) generation.findSuspects(suspects);
    return suspects.held.length + suspects.open.length === 0 ? undefined : suspects;
  }

  /** The indexes of the ids that closed generations do have. */
  async settle({ ids, held, open }: Suspects): Promise<ReadonlySet<number>> {
    const known = new Set(held);
    const undecided = open.filter(({ index }) => !known.has(index));
    const refs = new Map(undecided.map((ref) => [nameOf(ref), ref]));
    const replies = await this.#store.readPages([...refs.values()]);
    const pages = new Map([...refs.keys()].map((name, at) => [name, replies[at]]));
    for (const ref of undecided) {
      const page = pages.get(nameOf(ref));
      if (page && pageHas(page, ids, ref.index * ID_BYTES)) known.add(ref.index);
    }
    return known;
  }

  /** Remembers the id at `offset`; false when the generation in use has it already. NO_ID is always new. */
  add(ids: Buffer, offset: number): boolean {
    if (isNoId(ids, offset)) return true;
    if (!this.#inUse.add(ids, offset)) return false;
    if (this.#pendingBytes + ID_BYTES > this.#pending.length) {
      this.#pending = Buffer.concat([this.#pending], 2 * this.#pending.length);
    }
    copyId(this.#pending, this.#pendingBytes, ids, offset);
    this.#pendingBytes += ID_BYTES;
    return true;
  }

  /**
   * The ids that were added since the last commit, packed. The next one appends them, if there are any, to
   * `generationKeys(shard, generation).chunks`, and stores the `state` of the same moment.
   */
  get added(): { generation: number; chunk: Buffer } {
    const chunk = this.#pending.subarray(0, this.#pendingBytes);
    return { generation: generationInUse(this.#state).number, chunk };
  }

  /** What the next commit must store. */
  get state(): string {
    return JSON.stringify(this.#counted());
  }

  /** Whether a commit is needed, even if it has no pulses. */
  get hasChanged(): boolean {
    return this.state !== this.#storedText;
  }

  /** What the last commit has stored; empty before the first. */
  get storedState(): string {
    return this.#storedText ?? '';
  }

  /** To be called when a commit has stored `added` and this state: only what is stored is tidied. */
  stored(state: string): void {
    // Not used again: a connection may still hold its bytes.
    if (this.#pendingBytes > 0) this.#pending = Buffer.allocUnsafeSlow(PENDING_BYTES);
    this.#pendingBytes = 0;
    this.#storedText = state;
    this.#stored = parseSeenState(state);
  }

  /** Closes and forgets generations. Not between an `add` and its commit. @returns Whether `state` changed. */
  turn(now: RedisTime): boolean {
    if (this.#pendingBytes > 0) throw new RangeError('Added ids must be stored before the turn.');
    const before = this.#counted();
    const after = turnGenerations(before, {
      now,
      windowSeconds: this.#windowSeconds,
      generationIdsMax: this.#generationIdsMax,
    });
    if (after === before) return false;
    this.#state = after;
    const inUse = generationInUse(before).number;
    const justClosed = after.list.find((entry) => entry.number === inUse && isClosed(entry));
    if (justClosed) {
      this.#closed = [...this.#closed, new ClosedGeneration(justClosed, this.#inUse)];
      this.#inUse = new SeenTable();
    }
    this.#closed = this.#closed.filter((closed) => find(after, closed) !== undefined);
    return true;
  }

  /**
   * One short step of housekeeping; one at a time. @returns Whether there is another step. Some come only after
   * the next commit, see `hasChanged`.
   */
  async tidy(): Promise<boolean> {
    await this.#nextStep()?.();
    return this.#nextStep() !== undefined;
  }

  /** Ids that are remembered. */
  get idCount(): number {
    return this.#counted().list.reduce((sum, { count }) => sum + count, 0);
  }

  get memoryBytes(): number {
    return this.#closed.reduce(
      (sum, { memoryBytes }) => sum + memoryBytes,
      this.#inUse.memoryBytes + this.#pending.length,
    );
  }

  #counted(): SeenState {
    const inUse = { ...generationInUse(this.#state), count: this.#inUse.size };
    return { ...this.#state, list: [...this.#state.list.slice(0, -1), inUse] };
  }

  #nextStep(): (() => Promise<void>) | undefined {
    const [dropping] = this.#state.dropping;
    if (dropping && this.#stored.dropping.some(({ number }) => number === dropping.number)) {
      return () => this.#drop(dropping);
    }
    for (const closed of this.#closed) {
      const stored = find(this.#stored, closed);
      if (!stored || !isClosed(stored)) continue;
      if (stored.compact && closed.hasChunks) return () => closed.dropChunks(this.#store);
      if (!closed.isCompact) return () => this.#compact(closed);
    }
    return undefined;
  }

  async #compact(closed: ClosedGeneration): Promise<void> {
    await closed.compactStep(this.#store);
    if (!closed.isCompact) return;
    const list = this.#state.list.map((entry) =>
      entry.number === closed.number ? { ...entry, compact: true } : entry,
    );
    this.#state = { ...this.#state, list };
  }

  /** Deletes some segments of a forgotten generation; after the last, the state no longer names it. */
  async #drop({ number, segmentBits }: Dropping): Promise<void> {
    const first = this.#dropFrom;
    const end = Math.min(first + SEGMENTS_DROPPED_AT_ONCE, 2 ** segmentBits);
    if (first === 0) await this.#store.dropChunks({ number });
    await this.#store.dropSegments({ number }, { first, end });
    this.#dropFrom = end;
    if (end < 2 ** segmentBits) return;
    this.#dropFrom = 0;
    const dropping = this.#state.dropping.filter((other) => other.number !== number);
    this.#state = { ...this.#state, dropping };
  }
}

function isClosed({ closedAtSec }: Generation): boolean {
  return closedAtSec !== null;
}

function find(state: SeenState, { number }: { number: number }): Generation | undefined {
  return state.list.find((entry) => entry.number === number);
}

function nameOf({ generation, segment, page }: PageRef): string {
  return `${generation}:${segment}:${page}`;
}

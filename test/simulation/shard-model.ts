/** One shard as Redis keeps it: every method is one call of a function, atomic and durable once it has arrived. */
import type { SealedBatch, SealedBatchRef, ShardBooks } from '../../src/aggregate/accumulator.ts';
import type { LeaseRequest, Round, StoredEntry } from '../../src/aggregate/journal.ts';
import { leaseLost } from '../../src/aggregate/shard-calls.ts';
import { TransientError } from '../../src/core/errors.ts';
import { generationKeys } from '../../src/aggregate/keys.ts';
import { decimalOf, toNanos } from '../support/pulses.ts';
import { unpackSums } from '../support/unpack-sums.ts';
import type { World } from './world.ts';

/** One batch of sums: live, then sealed, then kept as history. */
export interface BatchModel {
  readonly batchId: string;
  readonly shard: number;
  /** Field and value, as a commit wrote them. */
  readonly sums: Map<string, string>;
  pulseCount: bigint;
  amount: string;
  readonly openedAtSec: number;
  windowMinSec: number;
  windowMaxSec: number;
  state: 'live' | 'sealed' | 'discarded';
}

export interface CommitCall {
  readonly token: string;
  readonly before: string;
  readonly round: Round;
}

type JournalledEntry = StoredEntry & { readonly pulseCount: number; readonly sinceMs: number };

export class ShardModel {
  readonly shard: number;
  journal: JournalledEntry[] = [];
  /** All that ever were. */
  readonly batches: BatchModel[] = [];
  /** Packed ids: chunks, pages and filters, by the keys that seen-store.ts uses. */
  readonly lists = new Map<string, Buffer[]>();
  readonly hashes = new Map<string, Map<string, Buffer>>();
  position = '';
  generations: string | null = null;
  appended = 0n;
  counted = 0n;
  duplicates = 0n;
  journalled = 0n;
  journalBytes = 0;
  #lease: { token: string; untilMs: number } | undefined;
  #lastId = 0;
  readonly #world: World;
  readonly #journalBytesMax: number;

  constructor(world: World, shard: number, journalBytesMax: number) {
    this.#world = world;
    this.shard = shard;
    this.#journalBytesMax = journalBytesMax;
  }

  get live(): BatchModel | undefined {
    return this.batches.find(({ state }) => state === 'live');
  }

  get sealed(): BatchModel[] {
    return this.batches
      .filter(({ state }) => state === 'sealed')
      .sort((one, other) => one.openedAtSec - other.openedAtSec);
  }

  /** @returns The entry; null for an empty one; an error when the journal is full. */
  append(pulseCount: number, bytes: Buffer): JournalledEntry | null | Error {
    const wanted = bytes.length > 0 ? bytes.length : this.#journalBytesMax / 4;
    if (this.journalBytes > 0 && this.journalBytes + wanted > this.#journalBytesMax) {
      this.#world.meet('journal full');
      return new TransientError('PULSE_JOURNAL_FULL', 'The journal is full.');
    }
    if (bytes.length === 0) return null;
    const sinceMs = this.#world.clock.wallNow();
    const entry = { id: `${++this.#lastId}-0`, bytes: Buffer.from(bytes), pulseCount, sinceMs };
    this.journal.push(entry);
    this.appended += BigInt(pulseCount);
    this.journalled += BigInt(pulseCount);
    this.journalBytes += bytes.length;
    return entry;
  }

  /** Entries after `position`. */
  read(position: string, count: number): StoredEntry[] {
    return this.journal
      .filter(({ id }) => numberOf(id) > numberOf(position))
      .slice(0, count)
      .map(({ id, bytes }) => ({ id, bytes: Buffer.from(bytes) }));
  }

  /** The token of the lease, until it ends. */
  get holder(): string | undefined {
    const { clock } = this.#world;
    return this.#lease !== undefined && this.#lease.untilMs > clock.now()
      ? this.#lease.token
      : undefined;
  }

  holds(token: string): boolean {
    return this.holder === token;
  }

  lease(token: string, { action, milliseconds = 0 }: LeaseRequest): number | undefined {
    const { holder } = this;
    if (holder === undefined ? action !== 'take' : holder !== token) return undefined;
    if (this.#lease !== undefined && this.#lease.token !== token) {
      this.#world.meet('lease taken over after it ended');
    }
    const untilMs = this.#world.clock.now() + milliseconds;
    this.#lease = action === 'release' ? undefined : { token, untilMs };
    return action === 'release' ? undefined : this.nowSec();
  }

  /** @returns An error when the caller must not commit. */
  commit({ token, before, round }: CommitCall): 'committed' | 'sealed' | Error {
    if (!this.holds(token)) {
      this.#world.meet('commit without the lease refused');
      return leaseLost();
    }
    if (this.position === round.position && round.position !== before) {
      this.#world.meet('round committed again');
      return 'committed';
    }
    if (this.position !== before) {
      this.#world.meet('commit at another position refused');
      return leaseLost();
    }
    if ((this.generations ?? '') !== round.generationsBefore) {
      const isRepeated = this.generations === round.generations && round.position === before;
      this.#world.meet(isRepeated ? 'round committed again' : 'commit at another position refused');
      return isRepeated ? 'committed' : leaseLost();
    }
    if ((this.live?.batchId ?? '') !== round.sums.expectedBatchId) {
      this.#world.meet('batch sealed under a round');
      return 'sealed';
    }
    this.#write(round);
    return 'committed';
  }

  #write({ position, counted, duplicates, bytes, sums, ids, generations }: Round): void {
    if (sums.batchId !== '') this.#writeSums(sums, counted);
    if (ids.chunk.length > 0) {
      const key = generationKeys(this.shard, ids.generation).chunks;
      this.lists.set(key, [...(this.lists.get(key) ?? []), Buffer.from(ids.chunk)]);
    }
    this.generations = generations;
    this.counted += BigInt(counted);
    this.duplicates += BigInt(duplicates);
    this.journalled -= BigInt(counted + duplicates);
    this.journalBytes -= bytes;
    this.position = position;
    this.journal = this.journal.filter(({ id }) => numberOf(id) > numberOf(position));
    if (duplicates > 0) this.#world.meet('duplicate refused');
  }

  #writeSums(
    { batchId, amount, windowMinSec, windowMaxSec, buckets }: Round['sums'],
    counted: number,
  ) {
    let { live } = this;
    if (live === undefined) {
      live = {
        batchId,
        shard: this.shard,
        sums: new Map(),
        pulseCount: 0n,
        amount: '',
        openedAtSec: this.nowSec(),
        windowMinSec,
        windowMaxSec,
        state: 'live',
      };
      this.batches.push(live);
    }
    live.pulseCount += BigInt(counted);
    Object.assign(live, { amount: decimalOf(toNanos(amount)), windowMinSec, windowMaxSec });
    for (const { packed } of buckets) {
      for (const [field, value] of unpackSums(packed)) live.sums.set(field, value);
    }
  }

  seal(): SealedBatch | null {
    const { live } = this;
    if (live === undefined) return null;
    live.state = 'sealed';
    return headerOf(live);
  }

  discard({ batchId }: SealedBatchRef): void {
    const batch = this.sealed.find((sealed) => sealed.batchId === batchId);
    if (batch !== undefined) batch.state = 'discarded';
  }

  books(): ShardBooks {
    const { shard, appended, journalled, journalBytes, counted, duplicates, live, sealed } = this;
    return {
      shard,
      epoch: null,
      appended,
      journalled,
      journalBytes,
      journalSinceMs: this.journal[0]?.sinceMs ?? null,
      isLeased: this.holder !== undefined,
      counted,
      duplicates,
      live: live === undefined ? null : headerOf(live),
      sealed: sealed.map(headerOf),
      seenIdCount: 0,
    };
  }

  nowSec(): number {
    return Math.floor(this.#world.clock.wallNow() / 1000);
  }
}

function headerOf({ sums, ...batch }: BatchModel): SealedBatch {
  const { batchId, shard, pulseCount, amount, windowMinSec, windowMaxSec, openedAtSec } = batch;
  return {
    batchId,
    shard,
    rowCount: sums.size,
    pulseCount,
    amount,
    windowMinSec,
    windowMaxSec,
    openedAtSec,
  };
}

function numberOf(id: string): number {
  return id === '' ? 0 : Number.parseInt(id, 10);
}

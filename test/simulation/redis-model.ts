/** Redis, and the clients that our processes use: every call arrives some time later, or not, and so does its answer. */
import type { Accumulator, SealedBatchRef } from '../../src/aggregate/accumulator.ts';
import { TransientError } from '../../src/core/errors.ts';
import { JournalOracle } from './journal-oracle.ts';
import { createJournalClient } from './journal-client.ts';
import type { Ask, CallKind } from './redis-calls.ts';
import { createIdsClient } from './ids-client.ts';
import { ShardModel, type BatchModel } from './shard-model.ts';
import { toChunk } from '../support/sum-texts.ts';
import type { Fate, SimProcess, World } from './world.ts';

export type AccumulatorModel = Pick<
  Accumulator,
  'shards' | 'append' | 'seal' | 'listSealed' | 'readSums' | 'readBooks' | 'discardSealed' | 'probe'
>;

export class RedisModel {
  readonly shards: readonly ShardModel[];
  readonly oracle: JournalOracle;
  /** The fates of the next calls, whichever process makes them. */
  readonly #fates = new Map<CallKind, Fate[]>();
  readonly #world: World;
  readonly #random: () => number;
  /** Reads that wait for an entry, by shard. */
  readonly #waiting = new Map<number, Set<() => void>>();

  constructor(
    world: World,
    options: { shards: number; journalBytesMax: number; random: () => number },
  ) {
    this.#world = world;
    this.#random = options.random;
    this.oracle = new JournalOracle(options.shards);
    this.shards = Array.from(
      { length: options.shards },
      (_, shard) => new ShardModel(world, shard, options.journalBytesMax),
    );
  }

  /** Every batch that ever existed. */
  get batches(): BatchModel[] {
    return this.shards.flatMap(({ batches }) => batches);
  }

  /** Whether pulses wait for an aggregator. */
  get hasJournal(): boolean {
    return this.shards.some(({ journal }) => journal.length > 0);
  }

  /** The batches that Redis holds, live and sealed. */
  held(): BatchModel[] {
    return this.batches.filter(({ state }) => state !== 'discarded');
  }

  fail(kind: CallKind, fates: readonly Fate[]): void {
    this.#fates.set(kind, [...(this.#fates.get(kind) ?? []), ...fates]);
  }

  heal(): void {
    this.#fates.clear();
  }

  shard(shard: number): ShardModel {
    const model = this.shards[shard];
    if (model === undefined) throw new RangeError(`There is no shard ${shard}.`);
    return model;
  }

  /** What ingest, flushes and checks use. */
  clientOf(process: SimProcess): AccumulatorModel {
    const ask = this.#askAs(process);
    const append = (shard: number, pulseCount: number, bytes: Buffer): Promise<void> =>
      ask('append', 'append', () => this.#append(shard, pulseCount, bytes));
    return {
      shards: this.shards.length,
      probe: (shard) => append(shard, 0, Buffer.alloc(0)),
      append,
      seal: (shard) => ask('flush', 'seal', () => this.shard(shard).seal()),
      listSealed: (shard) => ask('flush', 'list', () => this.shard(shard).books().sealed),
      readBooks: (shard) => ask('flush', 'books', () => this.shard(shard).books()),
      discardSealed: (batch) =>
        ask('flush', 'discard', () => {
          this.shard(batch.shard).discard(batch);
        }),
      readSums: (batch) => this.#readSums(batch, ask),
    };
  }

  /** What an aggregator uses. */
  journalOf(process: SimProcess) {
    return createJournalClient(this, { process, ask: this.#askAs(process), world: this.#world });
  }

  /** What the memory of an aggregator's ids uses. */
  idsOf(process: SimProcess) {
    return createIdsClient(this, { ask: this.#askAs(process), world: this.#world });
  }

  /** Runs `wake` at the next append to the shard. @returns What ends the wait. */
  onAppend(shard: number, wake: () => void): () => void {
    const waiting = this.#waiting.get(shard) ?? new Set();
    this.#waiting.set(shard, waiting.add(wake));
    return () => waiting.delete(wake);
  }

  #append(shard: number, pulseCount: number, bytes: Buffer): undefined | Error {
    const entry = this.shard(shard).append(pulseCount, bytes);
    if (entry === null) return undefined;
    if (entry instanceof Error) return entry;
    this.oracle.appended(shard, entry);
    for (const wake of this.#waiting.get(shard) ?? []) wake();
    return undefined;
  }

  #askAs(process: SimProcess): Ask {
    return async (kind, label, serve) => {
      const value = await process.ask(`redis ${label}`, serve, {
        fate: this.#fates.get(kind)?.shift() ?? 'answered',
        failure: () => new TransientError('PULSE_REDIS_APPLY', 'Redis did not answer.'),
      });
      if (value instanceof Error) throw value;
      return value;
    };
  }

  /** HSCAN: returns what is there when a step arrives, some of it twice. */
  async *#readSums({ shard, batchId }: SealedBatchRef, ask: Ask): AsyncGenerator<Buffer> {
    for (let cursor = 0, more = true; more; cursor += 2) {
      const chunk = await ask('flush', 'scan', () => {
        const batch = this.shard(shard).sealed.find((sealed) => sealed.batchId === batchId);
        const all = [...(batch?.sums ?? [])];
        const repeats = this.#random() < 0.15 ? all.slice(0, 1) : [];
        if (repeats.length > 0) this.#world.meet('row repeated by the scan');
        return {
          sums: [...all.slice(cursor, cursor + 2), ...repeats],
          more: cursor + 2 < all.length,
        };
      });
      more = chunk.more;
      yield toChunk(chunk.sums.flat());
    }
  }
}

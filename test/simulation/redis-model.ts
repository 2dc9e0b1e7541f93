/**
 * The accumulator as Redis keeps it: every call atomic and durable once it has arrived.
 *
 * It reads the packed batches that the production code folds, and keeps its sums in BigInt. In addition to what
 * Redis would know, it remembers what happened to every batch and pulse, for the invariants only.
 */
import type {
  Accumulator,
  AggregateRow,
  ApplyResult,
  FoldedBatch,
  SealedBatch,
  SealedBatchRef,
  ShardBooks,
} from '../../src/aggregate/accumulator.ts';
import { fromField } from '../../src/aggregate/keys.ts';
import { TransientError } from '../../src/core/errors.ts';
import { sumKeyOf } from './identity.ts';
import { unpackBatch, type PackedPulse } from './packed-batch.ts';
import type { Fate, SimProcess, World } from './world.ts';

const NANOS = 10n ** 9n;
const LIMB = 10n ** 15n;

interface Sum {
  nanos: bigint;
  count: number;
}

/** One batch of sums: live, then sealed, then kept as history. */
export interface BatchModel {
  readonly batchId: string;
  readonly shard: number;
  readonly sums: Map<string, Sum>;
  pulseCount: bigint;
  readonly openedAtSec: number;
  windowMinSec: number;
  windowMaxSec: number;
  state: 'live' | 'sealed' | 'discarded';
}

interface ShardModel {
  live: BatchModel | undefined;
  sealed: BatchModel[];
  readonly seen: Set<string>;
  counted: bigint;
  duplicates: bigint;
}

export type AccumulatorModel = Pick<
  Accumulator,
  'shards' | 'apply' | 'seal' | 'listSealed' | 'readRows' | 'readBooks' | 'discardSealed' | 'probe'
>;

export class RedisModel {
  /** Every batch that ever existed, by id. */
  readonly batches = new Map<string, BatchModel>();
  /** How often each pulse was added to a sum, by fingerprint; a pulse without an id by the key of its sum. */
  readonly counted = new Map<string, number>();
  /** The fates of the next calls, whichever process makes them. */
  readonly fates: Fate[] = [];
  readonly #shards: ShardModel[];
  readonly #world: World;
  readonly #options: { readonly sumMaxNanos: bigint; readonly random: () => number };

  constructor(
    world: World,
    options: { shards: number; sumMaxNanos: bigint; random: () => number },
  ) {
    this.#world = world;
    this.#options = options;
    this.#shards = Array.from({ length: options.shards }, () => ({
      live: undefined,
      sealed: [],
      seen: new Set(),
      counted: 0n,
      duplicates: 0n,
    }));
  }

  /** The client that one of our processes uses. */
  clientOf(process: SimProcess): AccumulatorModel {
    const ask = <T>(label: string, serve: () => T): Promise<T> =>
      process.ask(`redis ${label}`, serve, {
        fate: this.fates.shift() ?? 'answered',
        failure: () => new TransientError('PULSE_REDIS_APPLY', 'Redis did not answer.'),
      });
    return {
      shards: this.#shards.length,
      probe: () => ask('probe', () => undefined),
      apply: (shard, batch) => ask('apply', () => this.#apply(shard, batch)),
      seal: (shard) => ask('seal', () => this.#seal(shard)),
      listSealed: (shard) => ask('list', () => this.#shard(shard).sealed.map(header)),
      readBooks: (shard) => ask('books', () => this.#books(shard)),
      discardSealed: (batch) =>
        ask('discard', () => {
          this.#discard(batch);
        }),
      readRows: (batch) => this.#readRows(batch, ask),
    };
  }

  /** The batches that Redis holds, live and sealed. */
  held(): BatchModel[] {
    return this.#shards.flatMap(({ live, sealed }) =>
      live === undefined ? sealed : [...sealed, live],
    );
  }

  #shard(shard: number): ShardModel {
    const model = this.#shards[shard];
    if (model === undefined) throw new RangeError(`There is no shard ${shard}.`);
    return model;
  }

  #apply(shard: number, packed: FoldedBatch): ApplyResult {
    const model = this.#shard(shard);
    const result = { counted: 0, duplicates: 0, refused: [] as number[] };
    for (const [index, pulse] of unpackBatch(packed).entries()) {
      const end = this.#judge(model, pulse);
      if (end === 'refused') result.refused.push(index);
      else result[end] += 1;
      if (end === 'refused') this.#world.meet('sum overflowed');
      if (end === 'duplicates') this.#world.meet('duplicate refused');
      if (end === 'counted') this.#count(model, { shard, pulse, packed });
    }
    model.counted += BigInt(result.counted);
    model.duplicates += BigInt(result.duplicates);
    return result;
  }

  #judge(model: ShardModel, pulse: PackedPulse): 'counted' | 'duplicates' | 'refused' {
    if (pulse.fingerprint !== undefined && model.seen.has(pulse.fingerprint)) return 'duplicates';
    const sum = (model.live?.sums.get(pulse.field)?.nanos ?? 0n) + pulse.nanos;
    return sum > this.#options.sumMaxNanos ? 'refused' : 'counted';
  }

  #count(
    model: ShardModel,
    { shard, pulse, packed }: { shard: number; pulse: PackedPulse; packed: FoldedBatch },
  ): void {
    const live = (model.live ??= this.#open(shard, packed));
    const sum = live.sums.get(pulse.field) ?? { nanos: 0n, count: 0 };
    live.sums.set(pulse.field, { nanos: sum.nanos + pulse.nanos, count: sum.count + 1 });
    live.windowMinSec = Math.min(live.windowMinSec, packed.windowMinSec);
    live.windowMaxSec = Math.max(live.windowMaxSec, packed.windowMaxSec);
    live.pulseCount += 1n;
    const identity = pulse.fingerprint ?? sumKeyOf(pulse.field);
    this.counted.set(identity, (this.counted.get(identity) ?? 0) + 1);
    if (pulse.fingerprint !== undefined) model.seen.add(pulse.fingerprint);
  }

  #open(shard: number, { windowMinSec, windowMaxSec }: FoldedBatch): BatchModel {
    const batch: BatchModel = {
      batchId: `batch-${this.batches.size}`,
      shard,
      sums: new Map(),
      pulseCount: 0n,
      openedAtSec: Math.floor(this.#world.clock.wallNow() / 1000),
      windowMinSec,
      windowMaxSec,
      state: 'live',
    };
    this.batches.set(batch.batchId, batch);
    return batch;
  }

  #seal(shard: number): SealedBatch | null {
    const model = this.#shard(shard);
    const { live } = model;
    if (live === undefined) return null;
    live.state = 'sealed';
    model.live = undefined;
    model.sealed.push(live);
    model.sealed.sort((one, other) => one.openedAtSec - other.openedAtSec);
    return header(live);
  }

  #books(shard: number): ShardBooks {
    const { counted, duplicates, live, sealed, seen } = this.#shard(shard);
    return {
      shard,
      epoch: null,
      counted,
      duplicates,
      live: live === undefined ? null : header(live),
      sealed: sealed.map(header),
      seenIdCount: seen.size,
    };
  }

  #discard({ shard, batchId }: SealedBatchRef): void {
    const model = this.#shard(shard);
    const batch = model.sealed.find((sealed) => sealed.batchId === batchId);
    if (batch === undefined) return;
    batch.state = 'discarded';
    model.sealed = model.sealed.filter((sealed) => sealed !== batch);
  }

  /** HSCAN: returns what is there when a step arrives, some of it twice. */
  async *#readRows(
    { shard, batchId }: SealedBatchRef,
    ask: <T>(label: string, serve: () => T) => Promise<T>,
  ): AsyncGenerator<AggregateRow[]> {
    for (let cursor = 0, more = true; more; cursor += 2) {
      const chunk = await ask('scan', () => {
        const batch = this.#shard(shard).sealed.find((sealed) => sealed.batchId === batchId);
        const all = [...(batch?.sums ?? [])];
        const repeats = this.#options.random() < 0.15 ? all.slice(0, 1) : [];
        if (repeats.length > 0) this.#world.meet('row repeated by the scan');
        return {
          rows: [...all.slice(cursor, cursor + 2), ...repeats],
          more: cursor + 2 < all.length,
        };
      });
      more = chunk.more;
      yield chunk.rows.map(toRow);
    }
  }
}

function header(batch: BatchModel): SealedBatch {
  const { batchId, shard, sums, pulseCount, windowMinSec, windowMaxSec, openedAtSec } = batch;
  return {
    batchId,
    shard,
    rowCount: sums.size,
    pulseCount,
    windowMinSec,
    windowMaxSec,
    openedAtSec,
  };
}

function toRow([field, { nanos, count }]: [string, Sum]): AggregateRow {
  const key = fromField(field);
  if (key === undefined) throw new TypeError(`${field} is no field.`);
  const whole = nanos / NANOS;
  const amount = {
    high: Number(whole / LIMB),
    whole: Number(whole % LIMB),
    nano: Number(nanos % NANOS),
  };
  return { ...key, amount, pulseCount: count };
}

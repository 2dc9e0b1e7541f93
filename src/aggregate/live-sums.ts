/**
 * The sums of the live batch of one shard, in the memory of its aggregator: the state of Redis after the last commit,
 * and what was folded since.
 *
 * A sum is a few numbers in long arrays, not an object, and its key is a slot: see key-slots.ts.
 */
import { randomUUID } from 'node:crypto';
import { addSum, type AmountSum } from '../core/amount.ts';
import { KeySlots } from './key-slots.ts';
import { SumPacker } from './pack-sums.ts';
import type { ReadSums } from './read-sums.ts';
import { bucketOf, type CountedSum } from './sum-field.ts';
import { SumRows } from './sum-rows.ts';

/** The header of a batch, without what Redis counts itself. */
export interface SumsHeader {
  /** Of the live batch; empty when Redis has none. */
  readonly batchId: string;
  readonly amount: AmountSum;
  readonly windowMinSec: number;
  readonly windowMaxSec: number;
}

/** A batch before its first pulse. */
export const NO_SUMS: SumsHeader = {
  batchId: '',
  amount: { high: 0, whole: 0, nano: 0 },
  windowMinSec: Infinity,
  windowMaxSec: -Infinity,
};

/** What a commit writes. */
export interface ChangedSums extends SumsHeader {
  /** The batch that it changes; empty: it begins `batchId`. */
  readonly expectedBatchId: string;
  /** The absolute sums that changed, for each bucket that has any: see pack-sums.ts. */
  readonly buckets: readonly { readonly bucket: number; readonly packed: Buffer }[];
}

export class LiveSums {
  #header: SumsHeader;
  #keys = new KeySlots();
  /** By slot. */
  #buckets: number[] = [];
  /** What Redis has, and what was added since. */
  #committed = new SumRows();
  #added = new SumRows();
  /** The slots to which something was added. */
  #changed: number[] = [];

  constructor(header: SumsHeader = NO_SUMS) {
    this.#header = header;
  }

  /** Of the batch that Redis had after the last commit; empty when it had none. */
  get batchId(): string {
    return this.#header.batchId;
  }

  get changedCount(): number {
    return this.#changed.length;
  }

  /** Takes sums over as Redis has them. A sum may come twice. */
  load({ view, keysAt, sums }: ReadSums): void {
    const slots = this.slotsOf(view, keysAt);
    for (const [index, sum] of sums.entries()) this.#committed.write(slots[index] ?? 0, sum);
  }

  /** The slots of the packed keys at `keysAt`, for `add`. Valid until the batch is sealed. */
  slotsOf(view: DataView, keysAt: Float64Array): Int32Array {
    const slots = this.#keys.slotsOf(view, keysAt);
    for (let slot = this.#buckets.length; slot < this.#keys.count; slot++) {
      this.#buckets.push(bucketOf(this.#keys.fieldText(slot)));
    }
    this.#reserve();
    return slots;
  }

  /** Adds the amount of one pulse. */
  add(slot: number, whole: number, nano: number): void {
    if (this.#added.addPulse(slot, whole, nano) === 1) this.#changed.push(slot);
  }

  /** The changes since the last commit, as Redis must have them. */
  changes(): ChangedSums {
    const { batchId: expectedBatchId, ...before } = this.#header;
    const amount = { ...before.amount };
    let { windowMinSec, windowMaxSec } = before;
    const packers = new Map<number, SumPacker>();
    // In the order of memory, which is the fastest.
    for (const slot of Uint32Array.from(this.#changed).sort()) {
      const added = this.#added.read(slot);
      addSum(amount, added.amount);
      const windowStartSec = this.#keys.windowStartSec(slot);
      windowMinSec = Math.min(windowMinSec, windowStartSec);
      windowMaxSec = Math.max(windowMaxSec, windowStartSec);
      const total = sumOf(this.#committed.read(slot), added);
      const bucket = this.#buckets[slot] ?? 0;
      let packer = packers.get(bucket);
      if (packer === undefined) packers.set(bucket, (packer = new SumPacker()));
      packer.add(this.#keys.field(slot), total);
    }
    const buckets = Array.from(packers, ([bucket, { packed }]) => ({ bucket, packed }));
    const batchId = expectedBatchId === '' && buckets.length > 0 ? randomUUID() : expectedBatchId;
    return { batchId, expectedBatchId, amount, windowMinSec, windowMaxSec, buckets };
  }

  /** Redis has what `changes` returned. */
  committed({ batchId, amount, windowMinSec, windowMaxSec }: ChangedSums): void {
    this.#header = { batchId, amount, windowMinSec, windowMaxSec };
    for (const slot of Uint32Array.from(this.#changed).sort()) {
      this.#committed.write(slot, sumOf(this.#committed.read(slot), this.#added.read(slot)));
      this.#added.write(slot, NOTHING);
    }
    this.#changed = [];
  }

  /** The live batch was sealed: what it had leaves, and the changes since the last commit begin the next batch. */
  sealed(): void {
    const slots = this.#changed;
    const added = slots.map((slot) => this.#added.read(slot));
    this.#header = NO_SUMS;
    this.#keys = this.#keys.only(slots);
    this.#buckets = slots.map((slot) => this.#buckets[slot] ?? 0);
    this.#committed = new SumRows();
    this.#added = new SumRows();
    this.#reserve();
    for (const [slot, sum] of added.entries()) this.#added.write(slot, sum);
    this.#changed = [...added.keys()];
  }

  #reserve(): void {
    this.#committed.reserve(this.#keys.count);
    this.#added.reserve(this.#keys.count);
  }
}

const NOTHING: CountedSum = { pulseCount: 0, amount: { high: 0, whole: 0, nano: 0 } };

function sumOf(one: CountedSum, other: CountedSum): CountedSum {
  const amount = { ...one.amount };
  addSum(amount, other.amount);
  return { pulseCount: one.pulseCount + other.pulseCount, amount };
}

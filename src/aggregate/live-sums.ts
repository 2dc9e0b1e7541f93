/**
 * The sums of the live batch of one shard, in the memory of its aggregator: the state of Redis after the last commit,
 * and what was folded since.
 */
import { randomUUID } from 'node:crypto';
import { addSum, subtractSum, type AmountSum } from '../core/amount.ts';
import type { EntryKey } from './journal-entry.ts';
import { bucketOf, SUM_BUCKETS, toSumValue, type CountedSum } from './sum-field.ts';

export interface LiveSum extends AmountSum {
  /** One character a byte, as of EntryKey. */
  readonly field: string;
  readonly windowStartSec: number;
  pulseCount: number;
  /** What Redis has; undefined when nothing was added since. */
  committed: CountedSum | undefined;
}

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
  /** By bucket: field, value, field, value ... */
  readonly pairs: readonly (readonly string[])[];
}

export class LiveSums {
  #header: SumsHeader;
  #sums = new Map<string, LiveSum>();
  /** By bucket. */
  #changed: LiveSum[][] = noBuckets();
  #changedCount = 0;

  constructor(header: SumsHeader = NO_SUMS) {
    this.#header = header;
  }

  get changedCount(): number {
    return this.#changedCount;
  }

  /** Takes a sum over as Redis has it. */
  load(key: EntryKey, { pulseCount, amount }: CountedSum): void {
    this.#sums.set(key.field, Object.assign(newSum(key), amount, { pulseCount }));
  }

  /** The sum of a key, to be added to. */
  changing(key: EntryKey): LiveSum {
    let sum = this.#sums.get(key.field);
    if (sum === undefined) {
      sum = newSum(key);
      this.#sums.set(key.field, sum);
    }
    if (sum.committed === undefined) {
      const { pulseCount, high, whole, nano } = sum;
      sum.committed = { pulseCount, amount: { high, whole, nano } };
      this.#changed[bucketOf(sum.field)]?.push(sum);
      this.#changedCount += 1;
    }
    return sum;
  }

  /** The changes since the last commit, as Redis must have them. */
  changes(): ChangedSums {
    const { batchId: expectedBatchId, ...before } = this.#header;
    const amount = { ...before.amount };
    let { windowMinSec, windowMaxSec } = before;
    const pairs = this.#changed.map((sums) => {
      const texts: string[] = [];
      for (const sum of sums) {
        if (sum.pulseCount === sum.committed?.pulseCount) continue;
        addSum(amount, addedTo(sum));
        windowMinSec = Math.min(windowMinSec, sum.windowStartSec);
        windowMaxSec = Math.max(windowMaxSec, sum.windowStartSec);
        texts.push(sum.field, toSumValue(sum.pulseCount, sum));
      }
      return texts;
    });
    const isEmpty = pairs.every((texts) => texts.length === 0);
    const batchId = expectedBatchId === '' && !isEmpty ? randomUUID() : expectedBatchId;
    return { batchId, expectedBatchId, amount, windowMinSec, windowMaxSec, pairs };
  }

  /** Redis has what `changes` returned. */
  committed({ batchId, amount, windowMinSec, windowMaxSec }: ChangedSums): void {
    this.#header = { batchId, amount, windowMinSec, windowMaxSec };
    for (const sums of this.#changed) for (const sum of sums) sum.committed = undefined;
    this.#changed = noBuckets();
    this.#changedCount = 0;
  }

  /** The live batch was sealed: what it had leaves, and the changes since the last commit begin the next batch. */
  sealed(): void {
    this.#header = NO_SUMS;
    this.#sums = new Map();
    for (const sums of this.#changed) {
      for (const sum of sums) {
        const pulseCount = sum.pulseCount - (sum.committed?.pulseCount ?? 0);
        Object.assign(sum, addedTo(sum), { pulseCount, committed: NOTHING });
        this.#sums.set(sum.field, sum);
      }
    }
  }
}

function newSum({ field, windowStartSec }: EntryKey): LiveSum {
  return { field, windowStartSec, pulseCount: 0, high: 0, whole: 0, nano: 0, committed: undefined };
}

const NOTHING: CountedSum = { pulseCount: 0, amount: { high: 0, whole: 0, nano: 0 } };

function addedTo(sum: LiveSum): AmountSum {
  return sum.committed === undefined ? NOTHING.amount : subtractSum(sum, sum.committed.amount);
}

function noBuckets(): LiveSum[][] {
  return Array.from({ length: SUM_BUCKETS }, () => []);
}

/**
 * What the journal means: of each id, the first pulse that was ever appended counts, and nothing else of it.
 *
 * It folds every entry when it is appended, so it knows nothing of aggregators, leases and commits.
 */
import { sumKeyOf } from './identity.ts';
import { unpackEntry, type PackedPulse } from './packed-entry.ts';
import { addTo, assertSameSums, parseValue, type Sum } from './rows.ts';
import type { ShardModel } from './shard-model.ts';
import { Violation } from './world.ts';

interface FoldedEntry {
  readonly id: string;
  readonly pulseCount: number;
  readonly counted: readonly PackedPulse[];
}

export class JournalOracle {
  /** How often each pulse counts, by fingerprint; a pulse without an id by the key of its sum. */
  readonly counted = new Map<string, number>();
  readonly #shards: { readonly entries: FoldedEntry[]; readonly seen: Set<string> }[];

  constructor(shards: number) {
    this.#shards = Array.from({ length: shards }, () => ({ entries: [], seen: new Set() }));
  }

  appended(shard: number, { id, bytes }: { id: string; bytes: Buffer }): void {
    const pulses = unpackEntry(bytes);
    const { entries, seen } = this.#shard(shard);
    const counted = pulses.filter(({ fingerprint }) => {
      if (fingerprint !== undefined && seen.has(fingerprint)) return false;
      if (fingerprint !== undefined) seen.add(fingerprint);
      return true;
    });
    for (const { fingerprint, field } of counted) {
      const identity = fingerprint ?? sumKeyOf(field);
      this.counted.set(identity, (this.counted.get(identity) ?? 0) + 1);
    }
    entries.push({ id, pulseCount: pulses.length, counted });
  }

  /** After every commit: all sums that ever were are those of the entries up to its position. @throws Violation */
  assertFolded({ shard, position, counted, duplicates, journal, batches }: ShardModel): void {
    const { entries } = this.#shard(shard);
    const end = entries.findIndex(({ id }) => id === position) + 1;
    const folded = entries.slice(0, end);
    const expected = new Map<string, Sum>();
    let pulseCount = 0;
    for (const entry of folded) {
      pulseCount += entry.pulseCount;
      for (const { field, nanos } of entry.counted) addTo(expected, field, { nanos, count: 1 });
    }
    const found = new Map<string, Sum>();
    for (const { sums } of batches)
      for (const [field, value] of sums) addTo(found, field, parseValue(value));
    assertSameSums(found, expected, `after the commit of ${position}`);
    const mustBe = folded.reduce((sum, entry) => sum + entry.counted.length, 0);
    if (counted !== BigInt(mustBe) || duplicates !== BigInt(pulseCount - mustBe)) {
      throw new Violation(`${counted} counted after the commit of ${position}, not ${mustBe}`);
    }
    const left = entries.slice(end).map(({ id }) => id);
    if (journal.map(({ id }) => id).join() !== left.join()) {
      throw new Violation(`the journal is not what follows ${position}`);
    }
  }

  #shard(shard: number) {
    const found = this.#shards[shard];
    if (found === undefined) throw new RangeError(`There is no shard ${shard}.`);
    return found;
  }
}

/**
 * The text of Redis keys. Only this file and the Lua beside it know them; sum-field.ts has the text of sums.
 *
 * Every key of a shard has the hash tag `{shard}`, so that one call uses one slot of a cluster.
 */
import type { AggregateKey } from '../contract/pulse.ts';

/** The keys of one shard. */
export interface ShardKeys {
  /** Stream: batches of pulses that are not folded yet, see journal-entry.ts. */
  readonly journal: string;
  /** String: the token of the aggregator that folds the journal. */
  readonly lease: string;
  /** Hash: the header of the live batch. Its sums are in `<live>:<bucket>`, see sum-field.ts. */
  readonly live: string;
  /** Hash: what was appended, counted and refused as duplicate, how far the journal is folded, the generations of ids. */
  readonly books: string;
  /** Sorted set: ids of sealed batches that are not discarded, by the time of their first write. */
  readonly sealedIndex: string;
  /** Prefix of the headers of sealed batches: `<prefix><batch id>`. Their sums are in `<header>:<bucket>`. */
  readonly sealedPrefix: string;
}

export function shardKeys(shard: number): ShardKeys {
  const tag = `{${shard}}`;
  return {
    journal: `${tag}:journal`,
    lease: `${tag}:lease`,
    live: `${tag}:sums`,
    books: `${tag}:books`,
    sealedIndex: `${tag}:sealed`,
    sealedPrefix: `${tag}:sealed:`,
  };
}

/** The keys of one generation of the ids that an aggregator remembers, see seen-ids.ts. */
export function generationKeys(shard: number, generation: number) {
  const ids = `{${shard}}:ids:${generation}`;
  return {
    /** List: packed ids, one element a commit. */
    chunks: ids,
    /** Hash: page → packed ids. */
    segment: (segment: number): string => `${ids}:${segment}`,
    /** String: see seen-filter.ts. */
    filter: (segment: number): string => `${ids}:${segment}:filter`,
  };
}

/** No part of a key contains control characters, so this one can separate them. */
const SEPARATOR = '\x1f';

/**
 * The shard of a key: FNV-1a over the UTF-16 units of tenant, SKU and unit, modulo `shards`.
 *
 * Without the window, so that a duplicate with another timestamp goes to the same shard as its first copy.
 */
export function shardOf(key: AggregateKey, shards: number): number {
  if (shards === 1) return 0;
  let hash = 0x811c9dc5;
  for (const text of [key.tenant, SEPARATOR, key.sku, SEPARATOR, key.unit]) {
    for (let index = 0; index < text.length; index++) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    }
  }
  return (hash >>> 0) % shards;
}

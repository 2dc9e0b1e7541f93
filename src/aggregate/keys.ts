/**
 * The text of Redis keys and hash fields. Only this file and the Lua beside it know them.
 *
 * Every key of a shard has the hash tag `{shard}`, so that one call uses one slot of a cluster. The keys of the field
 * indexes, `{shard}:fields:<batch id>` and `{shard}:fields:<batch id>:<bucket>`, exist only in functions/field-index.lua.
 */
import type { AggregateKey } from '../contract/pulse.ts';
import { HOUR_SECONDS } from '../core/window.ts';

/** The keys of one shard. The Lua functions complete the two prefixes. */
export interface ShardKeys {
  /** Hash: field → packed sum, and the header of the live batch. */
  readonly live: string;
  /** Hash: pulses counted, duplicates refused, and the generations of seen ids. */
  readonly books: string;
  /** Prefix of the sets of seen ids: `<prefix><generation>:<bucket>`. */
  readonly seenPrefix: string;
  /** Sorted set: ids of sealed batches that are not discarded, by the time of their first write. */
  readonly sealedIndex: string;
  /** Prefix of sealed hashes: `<prefix><batch id>`. */
  readonly sealedPrefix: string;
  /** Stream: batches of pulses that are not folded yet, see journal-entry.ts. */
  readonly journal: string;
  /** String: the token of the aggregator that folds the journal. */
  readonly lease: string;
  /** Hash: the header of the live batch of sums. Its sums are in `<sums>:<bucket>`, see sum-field.ts. */
  readonly sums: string;
}

export function shardKeys(shard: number): ShardKeys {
  const tag = `{${shard}}`;
  return {
    live: `${tag}:live`,
    books: `${tag}:books`,
    seenPrefix: `${tag}:seen:`,
    sealedIndex: `${tag}:sealed`,
    sealedPrefix: `${tag}:sealed:`,
    journal: `${tag}:journal`,
    lease: `${tag}:lease`,
    sums: `${tag}:sums`,
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
 * The hash field of a key: its parts, separated.
 *
 * The window is in hours since 1970, so that the text does not depend on the length of a window: one that starts at
 * half past ends in `.5`. Quarters of an hour are exact in binary.
 */
export function toField({ tenant, sku, unit, windowStartSec }: AggregateKey): string {
  return [tenant, sku, unit, windowStartSec / HOUR_SECONDS].join(SEPARATOR);
}

/** The key of a hash field; undefined for a header field. */
export function fromField(field: string): AggregateKey | undefined {
  const [tenant, sku, unit, windowHours] = field.split(SEPARATOR);
  if (tenant === undefined || sku === undefined || unit === undefined) return undefined;
  return { tenant, sku, unit, windowStartSec: Number(windowHours) * HOUR_SECONDS };
}

/** A glob for HSCAN that matches the fields of one tenant and no others. */
export function tenantGlob(tenant: string): string {
  return tenant.replace(/[\\*?[]/g, '\\$&') + SEPARATOR + '*';
}

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

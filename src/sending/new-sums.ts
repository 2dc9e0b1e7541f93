/**
 * Bounds how many sums may begin over HTTP.
 *
 * Every new tenant, SKU, unit and window takes memory of Redis and of an aggregator until the next flush. When Redis is
 * full, nobody's pulses are counted, so nobody may fill it with new names. Sums that have begun are never refused.
 *
 * Begun sums are known by a keyed hash of 32 bits. Two that share it count as one, so a refusal is never wrong. Each
 * tenant pays for its own. Callers of all tenants could invent tenants, so each of them pays itself, and may begin more,
 * because it sends for many.
 *
 * All is forgotten when an hour of UTC begins, because most sums are new then anyway, and when memory for one more is
 * missing. The latter refuses nobody. It needs the sums of many tenants: one alone has a small part of the memory.
 */
import type { AggregateKey } from '../contract/pulse.ts';
import { SKU_LENGTH_MAX, TENANT_LENGTH_MAX, UNIT_LENGTH_MAX } from '../contract/rules.ts';
import { ALL_TENANTS_FACTOR, type TenantScope } from '../core/tenant-scope.ts';
import { HOUR_SECONDS } from '../core/window.ts';
import { randomHash } from '../platform/random-hash.ts';

export interface NewSums {
  /** Why the pulse is refused. Undefined: its sum has begun, or begins now. */
  refusalOf(key: AggregateKey, sender: SumSender, nowMs: number): string | undefined;
}

export interface SumSender {
  readonly tenants: TenantScope;
  /** Kind and name. */
  readonly caller: string;
}

/** Of all sets in one process. */
const BYTES_MAX = 64 * 1024 * 1024;
const SLOTS_AT_FIRST = 64;
/** Of a new set: its table, and 256 for its entry in the map, its name and its objects. */
const SET_BYTES = 256 + 4 * SLOTS_AT_FIRST;
/** A code point has up to four bytes; three separators of two, and the window. */
const KEY_BYTES_MAX = 4 * (TENANT_LENGTH_MAX + SKU_LENGTH_MAX + UNIT_LENGTH_MAX) + 3 * 2 + 8;
/** No name contains control characters. */
const SEPARATOR = '\x1f';
const HOUR_MS = HOUR_SECONDS * 1000;

/**
 * @param perHour For one tenant; undefined: no limit.
 * @param bytesMax The memory for all tenants and callers.
 */
export function createNewSums(perHour: number | undefined, bytesMax = BYTES_MAX): NewSums {
  if (perHour === undefined) return { refusalOf: () => undefined };
  return new HourOfSums(perHour, bytesMax);
}

class HourOfSums implements NewSums {
  readonly #perHour: number;
  readonly #bytesMax: number;
  readonly #hash = randomHash();
  readonly #view = new DataView(new ArrayBuffer(KEY_BYTES_MAX));
  readonly #sets = new Map<string, HashSet>();
  #bytes = 0;
  #hour = 0;

  constructor(perHour: number, bytesMax: number) {
    this.#perHour = perHour;
    this.#bytesMax = bytesMax;
  }

  refusalOf(key: AggregateKey, { tenants, caller }: SumSender, nowMs: number): string | undefined {
    const hour = Math.floor(nowMs / HOUR_MS);
    // A request may have waited since an hour that has ended.
    if (hour > this.#hour) this.#forget(hour);
    const isForAll = tenants === 'all';
    const payer = isForAll ? SEPARATOR + caller : key.tenant;
    const hash = this.#hashOf(key);
    const set = this.#sets.get(payer);
    if (set?.has(hash) === true) return undefined;
    const limit = isForAll ? ALL_TENANTS_FACTOR * this.#perHour : this.#perHour;
    if (set !== undefined && set.count >= limit) {
      return tooManySums(isForAll ? 'caller' : 'tenant', limit, hour);
    }
    this.#add(payer, set, hash);
    return undefined;
  }

  #add(payer: string, known: HashSet | undefined, hash: number): void {
    let set = known;
    if (this.#bytes + (set?.growthBytes ?? SET_BYTES) > this.#bytesMax) {
      this.#forget(this.#hour);
      set = undefined;
    }
    this.#bytes += set?.growthBytes ?? SET_BYTES;
    if (set === undefined) this.#sets.set(payer, (set = new HashSet()));
    set.add(hash);
  }

  #forget(hour: number): void {
    this.#sets.clear();
    this.#bytes = 0;
    this.#hour = hour;
  }

  #hashOf({ tenant, sku, unit, windowStartSec }: AggregateKey): number {
    const view = this.#view;
    let end = writeName(view, 0, tenant);
    end = writeName(view, end, sku);
    end = writeName(view, end, unit);
    view.setFloat64(end, windowStartSec);
    return this.#hash.hash(view, 0, end + 8);
  }
}

/** Writes UTF-16 and a separator: a call into the runtime for UTF-8 costs more than this loop. Returns the end. */
function writeName(view: DataView, from: number, name: string): number {
  const end = from + 2 * name.length;
  for (let index = 0; index < name.length; index++) {
    view.setUint16(from + 2 * index, name.charCodeAt(index));
  }
  view.setUint16(end, SEPARATOR.charCodeAt(0));
  return end + 2;
}

/** A set of hashes, by open addressing with linear probing. A slot with 0 is free. */
class HashSet {
  count = 0;
  #table = new Int32Array(SLOTS_AT_FIRST);

  has(hash: number): boolean {
    return this.#table[this.#slotOf(stored(hash))] !== 0;
  }

  /** What the table grows by when the next hash is added. */
  get growthBytes(): number {
    return 4 * (this.count + 1) > 3 * this.#table.length ? this.#table.byteLength : 0;
  }

  /** @param hash Not in the set. */
  add(hash: number): void {
    if (this.growthBytes > 0) this.#grow();
    const value = stored(hash);
    this.#table[this.#slotOf(value)] = value;
    this.count += 1;
  }

  /** The slot of the value, or the free one where it belongs. */
  #slotOf(value: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    let at = value & mask;
    while (table[at] !== 0 && table[at] !== value) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const before = this.#table;
    this.#table = new Int32Array(2 * before.length);
    for (const value of before) if (value !== 0) this.#table[this.#slotOf(value)] = value;
  }
}

function stored(hash: number): number {
  return hash === 0 ? 1 : hash;
}

function tooManySums(who: 'caller' | 'tenant', limit: number, hour: number): string {
  const end = new Date((hour + 1) * HOUR_MS).toISOString();
  return (
    `The ${who} has reached the limit of ${limit} new sums (of a tenant, SKU, unit and window) in an hour. ` +
    `Pulses for sums that have begun are still accepted, and for new ones again from ${end}.`
  );
}

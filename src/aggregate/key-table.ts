/**
 * The keys that a thread has used lately, packed for sending. Most pulses of a batch repeat keys of earlier batches.
 *
 * Serves one fold at a time: a slot holds the key's index in the newest fold.
 */
import type { AggregateKey } from '../contract/pulse.ts';

/** With more keys the table is emptied, between two batches. So many take some 10 MB, or 30 if all tenants differ. */
const KEYS_MAX = 50_000;

export interface KeySlot {
  /** The hash field, packed for Redis, one character a byte. */
  readonly packedField: string;
  /** The fold that `index` belongs to. */
  turn: number;
  index: number;
  /** The version of the subscriptions by which every pulse of this key is admitted; 0: not known. */
  admittedVersion: number;
}

/** Nested by tenant, SKU and unit: joining their names would cost more than two further look-ups. */
type WindowKeys = Map<string, Map<string, Map<string, KeySlot>>>;

/** The keys of one shard. */
export class KeyTable {
  #windows = new Map<number, WindowKeys>();
  #keyCount = 0;
  #turn = 0;
  readonly #pack: (key: AggregateKey) => string;
  #window: WindowKeys = new Map();
  #windowStartSec = -1;

  /** @param pack What a slot holds of its key, one character a byte. */
  constructor(pack: (key: AggregateKey) => string) {
    this.#pack = pack;
  }

  /** Begins a fold; the previous one takes no more pulses. @returns The fold's number. */
  open(): number {
    if (this.#keyCount > KEYS_MAX) {
      this.#windows = new Map();
      this.#keyCount = 0;
      this.#windowStartSec = -1;
    }
    this.#turn += 1;
    return this.#turn;
  }

  isOpen(turn: number): boolean {
    return turn === this.#turn;
  }

  slotOf(key: AggregateKey): KeySlot {
    if (key.windowStartSec !== this.#windowStartSec) this.#switchTo(key.windowStartSec);
    return this.#window.get(key.tenant)?.get(key.sku)?.get(key.unit) ?? this.#addSlot(key);
  }

  #addSlot(key: AggregateKey): KeySlot {
    const { tenant, sku, unit } = key;
    const slot = { packedField: this.#pack(key), turn: 0, index: 0, admittedVersion: 0 };
    inner(inner(this.#window, tenant), sku).set(unit, slot);
    this.#keyCount += 1;
    return slot;
  }

  #switchTo(windowStartSec: number): void {
    this.#window = inner(this.#windows, windowStartSec);
    this.#windowStartSec = windowStartSec;
  }
}

/** The map at `name`, created if missing. */
function inner<N, K, V>(outer: Map<N, Map<K, V>>, name: N): Map<K, V> {
  let map = outer.get(name);
  if (map === undefined) {
    map = new Map();
    outer.set(name, map);
  }
  return map;
}

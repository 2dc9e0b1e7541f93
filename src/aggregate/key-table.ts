/**
 * The keys that a thread has met lately, ready for sending: most pulses of a batch repeat keys of the batches before.
 *
 * Serves one fold at a time: a slot holds the key's place in the fold that was opened last.
 */
import type { AggregateKey } from '../core/pulse.ts';
import { toField, toName } from './keys.ts';

/** Keys after which the table is emptied, between two batches: some 10 MB. */
const KEYS_MAX = 50_000;

export interface KeySlot {
  /** The hash field as a MessagePack string, one character a byte. */
  readonly packedField: string;
  /** The fold that `index` belongs to. */
  turn: number;
  index: number;
}

/** Interns the keys of one shard. */
export class KeyTable {
  #windows = new Map<number, Map<string, KeySlot>>();
  #keyCount = 0;
  #turn = 0;
  #window = new Map<string, KeySlot>();
  #windowStartSec = -1;

  /** Begins a fold; the one before it can take no more pulses. @returns Its number. */
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
    const name = toName(key);
    let slot = this.#window.get(name);
    if (slot === undefined) {
      slot = { packedField: packString(toField(key)), turn: 0, index: 0 };
      this.#window.set(name, slot);
      this.#keyCount += 1;
    }
    return slot;
  }

  #switchTo(windowStartSec: number): void {
    let window = this.#windows.get(windowStartSec);
    if (window === undefined) {
      window = new Map();
      this.#windows.set(windowStartSec, window);
    }
    this.#window = window;
    this.#windowStartSec = windowStartSec;
  }
}

/** A MessagePack `str 16`: fields are far below 64 KiB. */
function packString(text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  return `\xda${String.fromCharCode(bytes.length >> 8, bytes.length & 0xff)}${bytes}`;
}

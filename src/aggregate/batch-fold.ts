/**
 * Folds the pulses of one batch and one shard into one sum per key, and packs them for Redis.
 *
 * Four byte strings in place of thousands of arguments: the client's cost per argument was the largest
 * single cost of a pulse. Redis reads ids and sums always, single pulses only to take a duplicate or an
 * overflowing pulse out of its sum again.
 */
import { addAmount } from '../core/amount.ts';
import type { AmountSum } from '../core/amount.ts';
import type { Pulse } from '../core/pulse.ts';
import { FINGERPRINT_BYTES, writeFingerprint, writeNoFingerprint } from './fingerprint.ts';
import { toField } from './keys.ts';
import { SUM_BYTES, writeSum } from './sum-codec.ts';

/** Bytes of one pulse: key index (u32), whole (f64), nano (u32), little endian. */
const PULSE_BYTES = 16;
/** Pulses; the buffers double when they are full. */
const CAPACITY_AT_FIRST = 256;

/** One batch of one shard, packed as the apply function takes it. */
export interface FoldedBatch {
  readonly pulseCount: number;
  readonly ids: Buffer;
  readonly pulses: Buffer;
  /** MessagePack array of the hash fields, in the order of `sums`. */
  readonly fields: Buffer;
  readonly sums: Buffer;
  readonly windowMinSec: number;
  readonly windowMaxSec: number;
}

interface KeySum {
  readonly index: number;
  readonly amount: AmountSum;
  pulseCount: number;
}

/** Collects pulses; `fold` packs what was added. */
export class BatchFold {
  readonly #secret: string;
  #ids = Buffer.allocUnsafe(CAPACITY_AT_FIRST * FINGERPRINT_BYTES);
  #pulses = Buffer.allocUnsafe(CAPACITY_AT_FIRST * PULSE_BYTES);
  #pulsesView = viewOf(this.#pulses);
  readonly #sums = new Map<string, KeySum>();
  #pulseCount = 0;
  #withoutIdCount = 0;
  #windowMinSec = Infinity;
  #windowMaxSec = -Infinity;

  /** @param secret Keys the fingerprints of ids; the same for the whole installation. */
  constructor(secret: string) {
    this.#secret = secret;
  }

  get pulseCount(): number {
    return this.#pulseCount;
  }

  /** Pulses that bring no id, which Redis cannot recognise when they are applied again. */
  get withoutIdCount(): number {
    return this.#withoutIdCount;
  }

  add(pulse: Pulse): void {
    if ((this.#pulseCount + 1) * PULSE_BYTES > this.#pulses.length) this.#grow();
    const sum = this.#sumOf(pulse);
    sum.pulseCount += 1;
    addAmount(sum.amount, pulse.amount);
    const offset = this.#pulseCount * PULSE_BYTES;
    this.#pulsesView.setUint32(offset, sum.index, true);
    this.#pulsesView.setFloat64(offset + 4, pulse.amount.whole, true);
    this.#pulsesView.setUint32(offset + 12, pulse.amount.nano, true);
    const idAt = this.#pulseCount * FINGERPRINT_BYTES;
    if (pulse.id === undefined) {
      writeNoFingerprint(this.#ids, idAt);
      this.#withoutIdCount += 1;
    } else {
      const { tenant, id } = pulse;
      writeFingerprint(this.#ids, idAt, { secret: this.#secret, tenant, id });
    }
    this.#pulseCount += 1;
    if (pulse.windowStartSec < this.#windowMinSec) this.#windowMinSec = pulse.windowStartSec;
    if (pulse.windowStartSec > this.#windowMaxSec) this.#windowMaxSec = pulse.windowStartSec;
  }

  fold(): FoldedBatch {
    const sums = Buffer.allocUnsafe(this.#sums.size * SUM_BYTES);
    const view = viewOf(sums);
    for (const sum of this.#sums.values()) writeSum(view, sum.index * SUM_BYTES, sum);
    return {
      pulseCount: this.#pulseCount,
      ids: this.#ids.subarray(0, this.#pulseCount * FINGERPRINT_BYTES),
      pulses: this.#pulses.subarray(0, this.#pulseCount * PULSE_BYTES),
      fields: packStrings([...this.#sums.keys()]),
      sums,
      windowMinSec: this.#windowMinSec,
      windowMaxSec: this.#windowMaxSec,
    };
  }

  #grow(): void {
    this.#ids = Buffer.concat([this.#ids], this.#ids.length * 2);
    this.#pulses = Buffer.concat([this.#pulses], this.#pulses.length * 2);
    this.#pulsesView = viewOf(this.#pulses);
  }

  #sumOf(pulse: Pulse): KeySum {
    const field = toField(pulse);
    let sum = this.#sums.get(field);
    if (sum === undefined) {
      sum = { index: this.#sums.size, amount: { high: 0, whole: 0, nano: 0 }, pulseCount: 0 };
      this.#sums.set(field, sum);
    }
    return sum;
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** A MessagePack array of strings (array 32, str 16: fields are far below 64 KiB). */
function packStrings(texts: readonly string[]): Buffer {
  // A UTF-16 unit takes at most 3 bytes in UTF-8.
  let bytesMax = 5;
  for (const text of texts) bytesMax += 3 + text.length * 3;
  const packed = Buffer.allocUnsafe(bytesMax);
  packed[0] = 0xdd;
  packed.writeUInt32BE(texts.length, 1);
  let at = 5;
  for (const text of texts) {
    const byteCount = packed.write(text, at + 3, 'utf8');
    packed[at] = 0xda;
    packed.writeUInt16BE(byteCount, at + 1);
    at += 3 + byteCount;
  }
  return packed.subarray(0, at);
}

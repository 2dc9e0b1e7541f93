/**
 * The packed form of one sum, shared with the Lua functions (`struct` format `<dI4dI4`, 24 bytes):
 * pulse count, then the limbs high, whole and nano of an AmountSum.
 */
import type { AmountSum } from '../core/amount.ts';

export const SUM_BYTES = 24;

/** A sum and how many pulses are in it. */
export interface CountedSum {
  readonly pulseCount: number;
  readonly amount: AmountSum;
}

export function writeSum(target: DataView, offset: number, sum: CountedSum): void {
  target.setFloat64(offset, sum.pulseCount, true);
  target.setUint32(offset + 8, sum.amount.high, true);
  target.setFloat64(offset + 12, sum.amount.whole, true);
  target.setUint32(offset + 20, sum.amount.nano, true);
}

export function readSum(source: Buffer): CountedSum {
  return {
    pulseCount: source.readDoubleLE(0),
    amount: {
      high: source.readUInt32LE(8),
      whole: source.readDoubleLE(12),
      nano: source.readUInt32LE(20),
    },
  };
}

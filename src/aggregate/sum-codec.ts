/**
 * The packed form of one sum, shared with the Lua functions (`struct` format `<dI4dI4`, 24 bytes): the pulse count, then
 * the limbs high, whole and nano of an AmountSum.
 */
import { addAmount, type Amount, type AmountSum } from '../core/amount.ts';

export const SUM_BYTES = 24;

export interface CountedSum {
  readonly pulseCount: number;
  readonly amount: AmountSum;
}

/** Adds one pulse to the sum at `offset`. */
export function addToSum(sums: DataView, offset: number, amount: Amount): void {
  sums.setFloat64(offset, sums.getFloat64(offset, true) + 1, true);
  const sum = {
    high: sums.getUint32(offset + 8, true),
    whole: sums.getFloat64(offset + 12, true),
    nano: sums.getUint32(offset + 20, true),
  };
  addAmount(sum, amount);
  sums.setUint32(offset + 8, sum.high, true);
  sums.setFloat64(offset + 12, sum.whole, true);
  sums.setUint32(offset + 20, sum.nano, true);
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

/** Reads a packed batch as the Redis Function does. Independent of the production code that packs it. */
import type { FoldedBatch } from '../../src/aggregate/accumulator.ts';
import { FINGERPRINT_BYTES } from '../../src/aggregate/fingerprint.ts';

const PULSE_BYTES = 16;
const NO_ID = 0x20;

export interface PackedPulse {
  /** Undefined for a pulse without an id. */
  readonly fingerprint: string | undefined;
  readonly field: string;
  readonly nanos: bigint;
}

export function unpackBatch({ pulseCount, ids, pulses, fields }: FoldedBatch): PackedPulse[] {
  const names = unpackStrings(fields);
  return Array.from({ length: pulseCount }, (_, index) => {
    const id = ids.subarray(index * FINGERPRINT_BYTES, (index + 1) * FINGERPRINT_BYTES);
    const at = index * PULSE_BYTES;
    const whole = BigInt(pulses.readDoubleLE(at + 4));
    return {
      fingerprint: id[0] === NO_ID ? undefined : id.toString('latin1'),
      field: names[pulses.readUInt32LE(at)] ?? '',
      nanos: whole * 10n ** 9n + BigInt(pulses.readUInt32LE(at + 12)),
    };
  });
}

/** A MessagePack array 32 of str 16. */
function unpackStrings(packed: Buffer): string[] {
  const texts: string[] = [];
  let at = 5;
  for (let left = packed.readUInt32BE(1); left > 0; left--) {
    const end = at + 3 + packed.readUInt16BE(at + 1);
    texts.push(packed.toString('utf8', at + 3, end));
    at = end;
  }
  return texts;
}

/** Reads an entry of the journal, see journal-entry.ts. */
import { NANO_LIMB, WHOLE_LIMB } from '../core/amount.ts';
import { FatalError } from '../core/errors.ts';
import { ID_BYTES } from './id-fingerprint.ts';
import { ENTRY_HEADER_BYTES, PULSE_BYTES } from './journal-entry.ts';
import { fieldEnd, KEY_HEADER_BYTES } from './packed-key.ts';

/** An entry as it was read. Nothing is copied: ids and view share its memory. */
export interface JournalEntry {
  readonly pulseCount: number;
  /** ID_BYTES each. */
  readonly ids: Buffer;
  /** The whole entry. */
  readonly view: DataView;
  /** Where the first pulse is in it; PULSE_BYTES each: see keyIndexOf, wholeOf and nanoOf. */
  readonly pulsesAt: number;
  /** Where each key is in it, see packed-key.ts. */
  readonly keysAt: Float64Array;
}

/** @throws FatalError PULSE_JOURNAL_UNREADABLE when the bytes are not an entry. Nothing of it may be counted. */
export function readEntry(bytes: Buffer): JournalEntry {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const pulseCount = view.getUint32(0, true);
    const keyCount = view.getUint32(4, true);
    const pulsesAt = ENTRY_HEADER_BYTES + pulseCount * ID_BYTES;
    const pulsesEnd = pulsesAt + pulseCount * PULSE_BYTES;
    const keysAt = findKeys(view, pulsesEnd, keyCount);
    for (let pulseAt = pulsesAt; pulseAt < pulsesEnd; pulseAt += PULSE_BYTES) {
      checkPulse(view, pulseAt, keyCount);
    }
    return {
      pulseCount,
      ids: bytes.subarray(ENTRY_HEADER_BYTES, pulsesAt),
      view,
      pulsesAt,
      keysAt,
    };
  } catch (cause) {
    throw new FatalError(
      'PULSE_JOURNAL_UNREADABLE',
      'An entry of the journal in Redis is not one that this build can read. Nothing of it is counted.',
      { cause },
    );
  }
}

/** The index of the pulse's key in `keysAt`. */
export function keyIndexOf(view: DataView, pulseAt: number): number {
  return view.getUint32(pulseAt, true);
}

/** The whole part of its amount. */
export function wholeOf(view: DataView, pulseAt: number): number {
  return view.getFloat64(pulseAt + 4, true);
}

/** The part of its amount in units of 10⁻⁹. */
export function nanoOf(view: DataView, pulseAt: number): number {
  return view.getUint32(pulseAt + 12, true);
}

function findKeys(view: DataView, start: number, count: number): Float64Array {
  // Before so much memory is allocated for them.
  if (start + count * KEY_HEADER_BYTES > view.byteLength) {
    throw new RangeError('The entry is shorter than its pulses and keys.');
  }
  const keysAt = new Float64Array(count);
  let at = start;
  for (let index = 0; index < count; index++) {
    keysAt[index] = at;
    at = fieldEnd(view, at);
  }
  if (at !== view.byteLength) throw new RangeError('The keys do not end where the entry ends.');
  return keysAt;
}

function checkPulse(view: DataView, pulseAt: number, keyCount: number): void {
  if (keyIndexOf(view, pulseAt) >= keyCount) throw new RangeError('A pulse has no key.');
  const whole = wholeOf(view, pulseAt);
  const isWhole = whole >= 0 && whole < WHOLE_LIMB && whole === Math.floor(whole);
  if (!isWhole || nanoOf(view, pulseAt) >= NANO_LIMB) throw new RangeError('Not an amount.');
}

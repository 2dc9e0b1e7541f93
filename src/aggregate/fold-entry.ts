/** The fold: decides for each pulse of the journal, in its order, whether it counts, and adds it to its sum. */
import { addAmount } from '../core/amount.ts';
import { ID_BYTES } from './id-fingerprint.ts';
import { PULSE_BYTES, readEntry } from './journal-entry.ts';
import type { LiveSums } from './live-sums.ts';
import type { SeenIds } from './seen-ids.ts';

export interface FoldResult {
  readonly counted: number;
  readonly duplicates: number;
}

/**
 * Folds one entry: an id met before is a duplicate, anything else is added to its sum in memory.
 *
 * The result depends on the journal alone, so it does not matter who folds, when, or how often after a crash.
 *
 * @throws FatalError PULSE_JOURNAL_UNREADABLE Nothing was folded.
 * @throws TransientError Redis did not answer a look-up. Nothing was folded.
 */
export async function foldEntry(
  bytes: Buffer,
  { sums, seen }: { readonly sums: LiveSums; readonly seen: SeenIds },
): Promise<FoldResult> {
  const { pulseCount, ids, pulses, keys } = readEntry(bytes);
  const suspects = seen.suspects(ids);
  const older = suspects === undefined ? undefined : await seen.settle(suspects);
  const sumOf = keys.map((key) => sums.changing(key));
  let counted = 0;
  for (let index = 0; index < pulseCount; index++) {
    const idAt = index * ID_BYTES;
    if (older?.has(index) || (hasId(ids, idAt) && !seen.add(ids, idAt))) continue;
    const pulseAt = index * PULSE_BYTES;
    const sum = sumOf[pulses.getUint32(pulseAt, true)];
    if (sum === undefined) throw new RangeError('A pulse has no key.');
    sum.pulseCount += 1;
    const whole = pulses.getFloat64(pulseAt + 4, true);
    addAmount(sum, { whole, nano: pulses.getUint32(pulseAt + 12, true) });
    counted += 1;
  }
  return { counted, duplicates: pulseCount - counted };
}

function hasId(ids: Buffer, offset: number): boolean {
  for (let at = offset; at < offset + ID_BYTES; at++) if (ids[at] !== 0) return true;
  return false;
}

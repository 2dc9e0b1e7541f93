/** The fold: decides for each pulse of the journal, in its order, whether it counts, and adds it to its sum. */
import { ID_BYTES } from './id-fingerprint.ts';
import { PULSE_BYTES } from './journal-entry.ts';
import type { LiveSums } from './live-sums.ts';
import { keyIndexOf, nanoOf, readEntry, wholeOf } from './read-entry.ts';
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
  const { pulseCount, ids, view, pulsesAt, keysAt } = readEntry(bytes);
  const suspects = seen.suspects(ids);
  const older = suspects === undefined ? undefined : await seen.settle(suspects);
  const slots = sums.slotsOf(view, keysAt);
  let counted = 0;
  for (let index = 0; index < pulseCount; index++) {
    if (older?.has(index) || !seen.add(ids, index * ID_BYTES)) continue;
    const pulseAt = pulsesAt + index * PULSE_BYTES;
    const slot = slots[keyIndexOf(view, pulseAt)];
    if (slot === undefined) throw new RangeError('A pulse has no key.');
    sums.add(slot, wholeOf(view, pulseAt), nanoOf(view, pulseAt));
    counted += 1;
  }
  return { counted, duplicates: pulseCount - counted };
}

/** Slots for the keys of pulses that never were bytes of a body. */
import { newEntryKey, type EntryKey } from '../src/aggregate/accumulator.ts';
import type { AggregateKey } from '../src/contract/pulse.ts';

/** Returns a function that finds the slot of a key, the same one each time. */
export function createEntryKeys(shards = 1): (key: AggregateKey) => EntryKey {
  const slots = new Map<string, EntryKey>();
  return ({ tenant, sku, unit, windowStartSec }) => {
    const name = `${tenant}\t${sku}\t${unit}\t${windowStartSec}`;
    let slot = slots.get(name);
    if (slot === undefined) {
      slot = newEntryKey({ tenant, sku, unit, windowStartSec }, shards);
      slots.set(name, slot);
    }
    return slot;
  };
}

/** Slots for the keys of pulses that never were bytes of a body. */
import { newKeySlot, type KeySlot } from '../src/aggregate/accumulator.ts';
import type { AggregateKey } from '../src/contract/pulse.ts';

/** Returns a function that finds the slot of a key, the same one each time. */
export function createKeySlots(shards = 1): (key: AggregateKey) => KeySlot {
  const slots = new Map<string, KeySlot>();
  return ({ tenant, sku, unit, windowStartSec }) => {
    const name = `${tenant}\t${sku}\t${unit}\t${windowStartSec}`;
    let slot = slots.get(name);
    if (slot === undefined) {
      slot = newKeySlot({ tenant, sku, unit, windowStartSec }, shards);
      slots.set(name, slot);
    }
    return slot;
  };
}

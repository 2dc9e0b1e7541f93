/** Keys of entries for pulses that never were bytes of a body. */
import { createEntryKeyMaker, type EntryKey } from '../src/aggregate/accumulator.ts';
import type { AggregateKey } from '../src/contract/pulse.ts';

/** Returns a function that finds the entry key of a key, the same one each time. */
export function createEntryKeys(shards = 1): (key: AggregateKey) => EntryKey {
  const create = createEntryKeyMaker(shards);
  const known = new Map<string, EntryKey>();
  return ({ tenant, sku, unit, windowStartSec }) => {
    const name = `${tenant}\t${sku}\t${unit}\t${windowStartSec}`;
    let entryKey = known.get(name);
    if (entryKey === undefined) {
      entryKey = create({ tenant, sku, unit, windowStartSec });
      known.set(name, entryKey);
    }
    return entryKey;
  };
}

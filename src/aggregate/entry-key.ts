/** A key as an ingest thread keeps it: packed for entries of the journal, with what is known of it. */
import type { AggregateKey } from '../contract/pulse.ts';
import { shardOf } from './keys.ts';
import { packKey } from './packed-key.ts';
import { toSumField, toWindow } from './sum-field.ts';

export interface EntryKey {
  readonly key: AggregateKey;
  readonly shard: number;
  /** The tenant in UTF-8, one character a byte: what its ids are hashed with. */
  readonly tenantBytes: string;
  /** One character a byte. */
  readonly packed: string;
  /** The entry that `index` belongs to. */
  turn: object | undefined;
  index: number;
  /** The version of the subscriptions by which every pulse of this key is admitted; 0: not known. */
  admittedVersion: number;
}

/** Returns a function that makes keys. It remembers the text of the window: most keys have the one before. */
export function createEntryKeyMaker(shards: number): (key: AggregateKey) => EntryKey {
  let windowStartSec = -1;
  let window = '';
  return (key) => {
    if (key.windowStartSec !== windowStartSec) window = toWindow(key.windowStartSec);
    ({ windowStartSec } = key);
    const field = Buffer.from(toSumField(key, window), 'utf8');
    return {
      key,
      shard: shardOf(key, shards),
      tenantBytes: Buffer.from(key.tenant, 'utf8').toString('latin1'),
      packed: packKey(field, key.windowStartSec).toString('latin1'),
      turn: undefined,
      index: 0,
      admittedVersion: 0,
    };
  };
}

/** A key as an ingest thread keeps it: packed for the journal, with what is known of it. */
import type { AggregateKey } from '../contract/pulse.ts';
import { shardOf } from './keys.ts';
import { toSumField } from './sum-field.ts';

export interface KeySlot {
  readonly key: AggregateKey;
  readonly shard: number;
  /** The tenant in UTF-8, one character a byte: what its ids are hashed with. */
  readonly tenantBytes: string;
  /** As the entry has it, one character a byte. */
  readonly packed: string;
  /** The entry that `index` belongs to. */
  turn: object | undefined;
  index: number;
  /** The version of the subscriptions by which every pulse of this key is admitted; 0: not known. */
  admittedVersion: number;
}

const HEADER_BYTES = 6;

export function newKeySlot(key: AggregateKey, shards: number): KeySlot {
  return {
    key,
    shard: shardOf(key, shards),
    tenantBytes: toByteText(key.tenant),
    packed: packKey(key),
    turn: undefined,
    index: 0,
    admittedVersion: 0,
  };
}

/** The first second of the window (u32), the length (u16) and the bytes of the field. */
function packKey(key: AggregateKey): string {
  const field = toByteText(toSumField(key));
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32LE(key.windowStartSec, 0);
  // At most 128 characters a name, four bytes each, all escaped: below 64 KiB.
  header.writeUInt16LE(field.length, 4);
  return header.toString('latin1') + field;
}

function toByteText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

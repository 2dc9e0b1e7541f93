/**
 * A key as bytes, as it is in an entry of the journal: the first second of its window (u32), the length (u16) and the
 * bytes of its field (see sum-field.ts). Little endian.
 */
export const KEY_HEADER_BYTES = 6;

/** @param field Below 64 KiB: at most 128 characters a name, four bytes each, all escaped. */
export function packKey(field: Buffer, windowStartSec: number): Buffer {
  const header = Buffer.allocUnsafe(KEY_HEADER_BYTES);
  writeKeyHeader(header, 0, { windowStartSec, fieldBytes: field.length });
  return Buffer.concat([header, field]);
}

/** Writes KEY_HEADER_BYTES; the field follows them. */
export function writeKeyHeader(
  target: Buffer,
  at: number,
  { windowStartSec, fieldBytes }: { windowStartSec: number; fieldBytes: number },
): void {
  target.writeUInt32LE(windowStartSec, at);
  target.writeUInt16LE(fieldBytes, at + 4);
}

/** Where the field of the key at `keyAt` ends. It begins KEY_HEADER_BYTES after `keyAt`. */
export function fieldEnd(view: DataView, keyAt: number): number {
  return keyAt + KEY_HEADER_BYTES + view.getUint16(keyAt + 4, true);
}

export function windowStartOf(view: DataView, keyAt: number): number {
  return view.getUint32(keyAt, true);
}

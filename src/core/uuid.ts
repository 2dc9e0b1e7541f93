/** UUIDs that are made from given bits (RFC 9562): of version 7, which sort by time, and of version 8. */

/** The form of every UUID that Pulse takes. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The UUIDv7 of an instant and 10 bytes, of which 74 bits are used.
 *
 * @param timeMs Milliseconds since 1970; 0 to 2⁴⁸ - 1.
 */
export function uuidV7(timeMs: number, bits: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(timeMs, 0, 6);
  bytes.set(bits.subarray(0, 10), 6);
  return format(bytes, 7);
}

/** The UUIDv8 of 16 bytes, of which 122 bits are used: the same bytes give the same id. */
export function uuidV8(bits: Uint8Array): string {
  return format(Buffer.from(bits.subarray(0, 16)), 8);
}

function format(bytes: Buffer, version: number): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | (version << 4), 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

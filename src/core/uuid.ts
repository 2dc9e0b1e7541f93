/** UUIDs of version 7 (RFC 9562, section 5.7): ids that sort by time, made from given bits. */

/**
 * The UUIDv7 of an instant and 10 bytes, of which 74 bits are used.
 *
 * @param timeMs Milliseconds since 1970; 0 to 2⁴⁸ - 1.
 */
export function uuidV7(timeMs: number, bits: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(timeMs, 0, 6);
  bytes.set(bits.subarray(0, 10), 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Reads what the commit sends, as Redis does: a MessagePack array of strings, field and value in turn. */
export function unpackSums(packed: Buffer): [field: string, value: string][] {
  const texts: string[] = [];
  if (packed.readUInt8(0) !== 0xdd) throw new RangeError('Not an array.');
  let at = 5;
  while (at < packed.length) {
    if (packed.readUInt8(at) !== 0xda) throw new RangeError('Not a string.');
    const from = at + 3;
    at = from + packed.readUInt16BE(at + 1);
    texts.push(packed.toString('latin1', from, at));
  }
  if (texts.length !== packed.readUInt32BE(1)) throw new RangeError('Not as long as it says.');
  return Array.from({ length: texts.length / 2 }, (_, index) => [
    texts[2 * index] ?? '',
    texts[2 * index + 1] ?? '',
  ]);
}

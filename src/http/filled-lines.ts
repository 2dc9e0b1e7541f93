/** Lines of a body, without those that are empty or white space, which cost next to nothing however many they are. */

const NEWLINE = 0x0a;
const SPACE = 0x20;
const ASCII_END = 0x80;

/** The lines in which `trim` would leave something, without their newlines. */
export function* filledLines(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length;) {
    const start = filledLineStart(body, at);
    if (start === body.length) return;
    const newline = body.indexOf(NEWLINE, start);
    const end = newline === -1 ? body.length : newline;
    yield body.subarray(start, end);
    at = end + 1;
  }
}

/** Where the first such line begins, with its white space; the length if there is none. */
function filledLineStart(bytes: Buffer, from: number): number {
  let start = from;
  for (let at = from; at < bytes.length;) {
    const width = spaceWidth(bytes, at);
    if (width === 0) return start;
    at += width;
    if (width === 1 && bytes[at - 1] === NEWLINE) start = at;
  }
  return bytes.length;
}

/** The bytes of the character at `at` if `trim` takes it for white space, else 0. */
function spaceWidth(bytes: Buffer, at: number): number {
  const byte = bytes[at] ?? 0;
  if (byte < ASCII_END) return byte === SPACE || (byte >= 0x09 && byte <= 0x0d) ? 1 : 0;
  const second = bytes[at + 1] ?? 0;
  const third = bytes[at + 2] ?? 0;
  switch (byte) {
    // U+00A0
    case 0xc2:
      return second === 0xa0 ? 2 : 0;
    // U+1680
    case 0xe1:
      return second === 0x9a && third === 0x80 ? 3 : 0;
    case 0xe2:
      return isGeneralSpace(second, third) ? 3 : 0;
    // U+3000
    case 0xe3:
      return second === 0x80 && third === 0x80 ? 3 : 0;
    // U+FEFF
    case 0xef:
      return second === 0xbb && third === 0xbf ? 3 : 0;
    default:
      return 0;
  }
}

/** U+2000 to U+200A, U+2028, U+2029, U+202F and U+205F, after their first byte. */
function isGeneralSpace(second: number, third: number): boolean {
  if (second === 0x81) return third === 0x9f;
  if (second !== 0x80) return false;
  return (third >= 0x80 && third <= 0x8a) || third === 0xa8 || third === 0xa9 || third === 0xaf;
}

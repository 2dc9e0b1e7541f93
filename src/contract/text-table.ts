/**
 * Texts that come again and again, found by their bytes: no decoding, and the same string object each time, whose hash
 * is known to every map it is looked up in.
 */

/** A power of two. A text that falls on another's place takes it over. */
const PLACES = 1 << 15;

export class TextTable {
  readonly #texts: (string | undefined)[] = new Array<string | undefined>(PLACES).fill(undefined);

  /** The text of the ASCII bytes from `start` to `end`, exclusive; `hash` is any function of them. */
  at(bytes: Buffer, start: number, end: number, hash: number): string {
    const place = (hash ^ (hash >>> 15)) & (PLACES - 1);
    const known = this.#texts[place];
    if (known !== undefined && isSame(known, bytes, start, end)) return known;
    const text = bytes.toString('latin1', start, end);
    this.#texts[place] = text;
    return text;
  }
}

function isSame(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}

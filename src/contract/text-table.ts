/**
 * Finds known texts by their bytes. A repeated text needs no decoding, and is the same string object each time, whose
 * hash maps need not compute again.
 */

/** A power of two. A text replaces another one in the same place. */
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

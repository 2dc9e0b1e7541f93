/** Bytes of unknown origin, as text that is safe to store and to show. */
import { isUtf8 } from 'node:buffer';

/** Controls, among them those that reorder text; unpaired and unassigned code points; line separators. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/gu;
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Reads bytes as UTF-8. Bytes that are not UTF-8 become `\xff`, and what would not be visible `\n`, `\r`, `\t`
 * or `\u{202e}`.
 *
 * A backslash stays as it is, so the result cannot be turned back: JSON in an answer should stay readable.
 *
 * @param isCut Whether more bytes followed. A character that is incomplete at the end is then left out.
 */
export function visibleText(bytes: Buffer, isCut = false): string {
  let text = '';
  let index = 0;
  while (index < bytes.length) {
    const byte = bytes[index] ?? 0;
    const end = index + lengthOf(byte);
    if (isCut && end > bytes.length) break;
    const character = bytes.subarray(index, end);
    const isValid = end <= bytes.length && isUtf8(character);
    text += isValid ? character.toString().replace(HIDDEN, escapeOf) : `\\x${byte.toString(16)}`;
    index = isValid ? end : index + 1;
  }
  return text;
}

/** The length of the character that a byte begins; 1 for a byte that begins none. */
function lengthOf(byte: number): number {
  if (byte >= 0xf0 && byte <= 0xf4) return 4;
  if (byte >= 0xe0 && byte <= 0xef) return 3;
  return byte >= 0xc2 && byte <= 0xdf ? 2 : 1;
}

function escapeOf(character: string): string {
  return NAMED[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

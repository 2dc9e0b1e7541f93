/** JSON in UTF-8, without an exception for what is not. */
import { isUtf8 } from 'node:buffer';

/** Some programs on Windows write it before any text. RFC 8259 lets a parser ignore it. */
const BYTE_ORDER_MARK = '\ufeff';

export function withoutByteOrderMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text;
}

/** The parsed text, or a SyntaxError. Invalid UTF-8 is refused: decoding would make different keys equal. */
export function parseJson(text: string, bytes: Buffer): unknown {
  if (text.includes('\ufffd') && !isUtf8(bytes)) return new SyntaxError('invalid UTF-8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return error;
    throw error;
  }
}

/** JSON in UTF-8, without an exception for what is not. */
import { isUtf8 } from 'node:buffer';

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

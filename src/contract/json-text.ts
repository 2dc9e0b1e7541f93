/** Reads JSON from bytes where most of a body is known without parsing it. */
import { isUtf8 } from 'node:buffer';
import * as ascii from './ascii.ts';

/**
 * Decodes what stands between the quotes of a string.
 *
 * @param start After the opening quote.
 * @param end At the closing quote, which is the first one without a backslash. No byte before it is below a space.
 * @returns undefined when it is not JSON in UTF-8.
 */
export function decodeText(bytes: Buffer, start: number, end: number): string | undefined {
  const source = bytes.subarray(start, end);
  if (!isUtf8(source)) return undefined;
  const text = source.toString('utf8');
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return undefined;
  }
}

/**
 * The end of the array element that starts at `at`, without the white space after it.
 *
 * It looks at quotes and brackets alone: whether the element is JSON, its parser must find out.
 *
 * @returns -1 when the body ends before the element does.
 */
export function elementEnd(bytes: Buffer, at: number): number {
  let depth = 0;
  let last = at;
  for (let index = at; index < bytes.length; index++) {
    const code = bytes[index] ?? 0;
    if (depth === 0 && (code === ascii.COMMA || code === ascii.CLOSE_ARRAY)) return last;
    if (code === ascii.QUOTE) {
      index = closingQuote(bytes, index + 1);
      if (index < 0) return -1;
    } else if (code === ascii.OPEN_OBJECT || code === ascii.OPEN_ARRAY) {
      depth += 1;
    } else if (code === ascii.CLOSE_OBJECT || code === ascii.CLOSE_ARRAY) {
      depth -= 1;
      if (depth < 0) return -1;
    }
    if (!isSpace(code)) last = index + 1;
  }
  return -1;
}

export function isSpace(code: number): boolean {
  return (
    code === ascii.SPACE || code === ascii.NEWLINE || code === ascii.RETURN || code === ascii.TAB
  );
}

function closingQuote(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === ascii.QUOTE) return at;
    if (bytes[at] === ascii.BACKSLASH) at += 1;
  }
  return -1;
}

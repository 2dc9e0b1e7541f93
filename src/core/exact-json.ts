/**
 * JSON whose numbers keep every digit. JavaScript would round them, so a number is parsed to a text that begins with
 * U+0000 and goes on with the number as it was written. No other text of the value may contain U+0000.
 */

export type ExactJson =
  string | boolean | null | readonly ExactJson[] | { readonly [name: string]: ExactJson };

const MARK = '\0';
/** A string or a number of a JSON text. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[-+.\deE]*/g;
/** A marked number in what JSON.stringify wrote: no other U+0000 follows a quotation mark. */
const MARKED = /"\\u0000([^"]*)"/g;

/** @param text Valid JSON, without U+0000 in its strings. */
export function parseExactJson(text: string): ExactJson {
  const marked = text.replace(TOKEN, (token) =>
    token.startsWith('"') ? token : `"\\u0000${token}"`,
  );
  return JSON.parse(marked) as ExactJson;
}

/** The JSON text of a value, with its numbers as they were written and no spaces. */
export function exactJsonText(value: ExactJson): string {
  return JSON.stringify(value).replace(MARKED, '$1');
}

/** The number as it was written; undefined for any other value. */
export function exactNumber(value: ExactJson): string | undefined {
  return typeof value === 'string' && value.startsWith(MARK) ? value.slice(1) : undefined;
}

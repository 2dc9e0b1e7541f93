/**
 * The source text of parts of a JSON document, where the parsed value is not enough: the digits of a number, which
 * parsing rounds, and one element of an array exactly as it was sent.
 *
 * All functions expect text that JSON.parse has accepted; for other text the result is meaningless.
 */

/** The text of each element of an array, without surrounding white space. */
export function elementSources(arrayText: string): string[] {
  const sources: string[] = [];
  let at = skipSpace(arrayText, skipSpace(arrayText, 0) + 1);
  while (at < arrayText.length && arrayText[at] !== ']') {
    const end = valueEnd(arrayText, at);
    sources.push(arrayText.slice(at, end));
    at = skipSpace(arrayText, end);
    if (arrayText[at] === ',') at = skipSpace(arrayText, at + 1);
  }
  return sources;
}

/** The text of an object's member `name`; if it is repeated, of the last one, as in JSON.parse. */
export function memberSource(objectText: string, name: string): string | undefined {
  let source: string | undefined;
  let at = skipSpace(objectText, skipSpace(objectText, 0) + 1);
  while (at < objectText.length && objectText[at] !== '}') {
    const nameEnd = valueEnd(objectText, at);
    const quotedName = objectText.slice(at, nameEnd);
    const valueAt = skipSpace(objectText, skipSpace(objectText, nameEnd) + 1);
    const end = valueEnd(objectText, valueAt);
    if (isName(quotedName, name)) source = objectText.slice(valueAt, end);
    at = skipSpace(objectText, end);
    if (objectText[at] === ',') at = skipSpace(objectText, at + 1);
  }
  return source;
}

function isName(quoted: string, name: string): boolean {
  if (quoted.includes('\\')) return JSON.parse(quoted) === name;
  return quoted.length === name.length + 2 && quoted.startsWith(name, 1);
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** The index after the value that starts at `at`. */
function valueEnd(text: string, at: number): number {
  let depth = 0;
  for (let index = at; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = stringEnd(text, index) - 1;
      if (depth === 0) return index + 1;
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      depth++;
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      if (depth <= 1) return depth === 1 ? index + 1 : index;
      depth--;
    } else if (depth === 0 && (code === COMMA || code === COLON || isSpace(code))) {
      return index;
    }
  }
  return text.length;
}

function stringEnd(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end + 1;
  }
  return text.length;
}

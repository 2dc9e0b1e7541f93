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
    const memberName: unknown = JSON.parse(objectText.slice(at, nameEnd));
    const valueAt = skipSpace(objectText, skipSpace(objectText, nameEnd) + 1);
    const end = valueEnd(objectText, valueAt);
    if (memberName === name) source = objectText.slice(valueAt, end);
    at = skipSpace(objectText, end);
    if (objectText[at] === ',') at = skipSpace(objectText, at + 1);
  }
  return source;
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at++;
  return at;
}

/** The index after the value that starts at `at`. */
function valueEnd(text: string, at: number): number {
  let depth = 0;
  for (let index = at; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === '"') {
      index = stringEnd(text, index) - 1;
      if (depth === 0) return index + 1;
    } else if (character === '{' || character === '[') {
      depth++;
    } else if (character === '}' || character === ']') {
      if (depth <= 1) return depth === 1 ? index + 1 : index;
      depth--;
    } else if (depth === 0 && ', \t\n\r:'.includes(character)) {
      return index;
    }
  }
  return text.length;
}

function stringEnd(text: string, at: number): number {
  for (let index = at + 1; index < text.length; index++) {
    if (text[index] === '\\') index++;
    else if (text[index] === '"') return index + 1;
  }
  return text.length;
}

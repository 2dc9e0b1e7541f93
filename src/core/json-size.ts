/** Tells whether a JSON text is cheap to parse, without parsing it. */

/**
 * Members and elements of a document that is still parsed quickly. A million take JSON.parse several seconds, in
 * which the process does nothing else.
 */
export const JSON_VALUES_MAX = 50_000;

/** What is wrong with a text that has more, after its name. */
export const HAS_TOO_MANY_VALUES = `has more than ${JSON_VALUES_MAX.toLocaleString('en')} members and elements.`;

/** A text of fewer bytes cannot take long. */
const SMALL_BYTES = 64 * 1024;

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;

/**
 * Whether the text has more than `JSON_VALUES_MAX` members and elements. Reads about a gigabyte a second.
 *
 * A text that is not JSON may be misjudged, but parsing stops where it is wrong. A newline ends a string, where JSON
 * cannot have one, so that a broken line does not hide the lines after it.
 */
export function hasTooManyValues(json: Uint8Array): boolean {
  if (json.length < SMALL_BYTES) return false;
  let count = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) isInString = !isInString;
    else if (byte === NEWLINE) isInString = false;
    else if (isInString) {
      if (byte === BACKSLASH) at += 1;
    } else if (byte === COMMA || byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      // Each member or element follows a comma or the bracket that opens its container.
      count += 1;
      if (count > JSON_VALUES_MAX) return true;
    }
  }
  return false;
}

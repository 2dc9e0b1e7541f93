/** JSON pointers (RFC 6901), and how foreign text is shown in a sentence. */

/** A longer pointer says no more to a reader, and is kept for each refused message. */
const POINTER_LENGTH_MAX = 1_000;
const SHOWN_LENGTH_MAX = 100;
const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const CONTROLS = new RegExp(CONTROL, 'gu');

export function pointerTo(parent: string, segment: string | number): string {
  return `${parent}/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** What a reference such as `#/$defs/a%20b` points to, in the form of `pointerTo`; undefined if its escapes are broken. */
export function pointerOf(ref: string): string | undefined {
  try {
    const segments = ref.split('/').slice(1).map(decodeURIComponent);
    const names = segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
    return names.reduce<string>(pointerTo, '');
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/**
 * The pointer itself, or, where it is too long or has control characters, the pointer to the closest place above it
 * that can be shown.
 */
export function showablePointer(pointer: string): string {
  const firstControl = pointer.search(CONTROL);
  const end = firstControl === -1 ? pointer.length : firstControl;
  if (end === pointer.length && end <= POINTER_LENGTH_MAX) return pointer;
  return pointer.slice(0, pointer.lastIndexOf('/', Math.min(end, POINTER_LENGTH_MAX)));
}

/** Any JSON value as short text; control characters and half surrogate pairs are escaped. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? quoted(value) : JSON.stringify(value);
  return escaped(cut(text));
}

/** As `shown`, without quotes. */
export function shownPlain(text: string): string {
  return escaped(cut(text));
}

function quoted(text: string): string {
  return JSON.stringify(cut(text));
}

function cut(text: string): string {
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}…`;
}

function escaped(text: string): string {
  return text.replace(CONTROLS, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

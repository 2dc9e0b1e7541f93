/** Makes foreign values fit for Postgres, which refuses NUL and lone surrogates in text and jsonb. */

const DEPTH_MAX = 16;
const UNSTORABLE = /[\u0000\p{Cs}]/u;
const ALL_UNSTORABLE = new RegExp(UNSTORABLE, 'gu');

/** The text with every character that Postgres refuses replaced by U+FFFD. */
export function storableText(text: string): string {
  return text.replaceAll(ALL_UNSTORABLE, '\ufffd');
}

/** A value whose JSON text is valid jsonb; bytes become `{"base64": …}`. */
export function toStorable(value: unknown, depth = DEPTH_MAX): unknown {
  if (typeof value === 'string') return storableText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return null;
  if (Buffer.isBuffer(value)) return { base64: value.toString('base64') };
  if (Array.isArray(value)) return value.map((item) => toStorable(item, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [storableText(name), toStorable(item, depth - 1)]),
  );
}

/** Whether jsonb takes the value as it is, and it nests at most `depth` deep. */
export function isStorable(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return !UNSTORABLE.test(value);
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  if (Array.isArray(value)) return value.every((item) => isStorable(item, depth - 1));
  return Object.entries(value).every(
    ([name, item]) => !UNSTORABLE.test(name) && isStorable(item, depth - 1),
  );
}

/** Reverses `toStorable` as far as possible: bytes become bytes again. */
export function fromStorable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(fromStorable);
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === 'base64' && typeof first[1] === 'string') {
    return Buffer.from(first[1], 'base64');
  }
  return Object.fromEntries(entries.map(([name, item]) => [name, fromStorable(item)]));
}

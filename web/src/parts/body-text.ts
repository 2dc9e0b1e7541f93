/** Bytes as a person can read them: what is no text stands as an escape. */

export interface BodyPart {
  readonly text: string;
  /** An escape such as `\xff`, which stands for bytes that cannot be shown. */
  readonly isEscape: boolean;
}

/** How the API sends a body: base64 if its bytes are not UTF-8. */
export interface SentBody {
  readonly encoding: 'utf8' | 'base64';
  readonly content: string;
}

export function bytesOf({ encoding, content }: SentBody): Uint8Array {
  if (encoding === 'utf8') return new TextEncoder().encode(content);
  return Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
}

/** With � for bytes that are not UTF-8. */
export function lossyTextOf(body: SentBody): string {
  return body.encoding === 'utf8' ? body.content : new TextDecoder().decode(bytesOf(body));
}

/** At most so many bytes, and no part of a UTF-8 character at the end. */
export function beginningOf(bytes: Uint8Array, lengthMax: number): Uint8Array {
  const isWithin = (at: number) => ((bytes[at] ?? 0) & 0xc0) === 0x80;
  let end = lengthMax;
  while (end > lengthMax - 3 && isWithin(end)) end -= 1;
  // More bytes than a character has are no text, and can be cut anywhere.
  return bytes.subarray(0, isWithin(end) ? lengthMax : end);
}

/** Bytes that are not UTF-8 become `\xNN`; control characters and those that turn the text around, `\u{N}`. */
export function readableParts(bytes: Uint8Array): readonly BodyPart[] {
  const parts: BodyPart[] = [];
  const add = (text: string, isEscape: boolean) => {
    const last = parts.at(-1);
    if (last?.isEscape === isEscape) parts.splice(-1, 1, { text: last.text + text, isEscape });
    else if (text !== '') parts.push({ text, isEscape });
  };
  let at = 0;
  let textStart = 0;
  const endText = () => {
    for (const part of escapeControls(decoder.decode(bytes.subarray(textStart, at)))) {
      add(part.text, part.isEscape);
    }
  };
  while (at < bytes.length) {
    const length = characterLength(bytes, at);
    if (length === 0) {
      endText();
      add(`\\x${hex(bytes[at] ?? 0)}`, true);
      at += 1;
      textStart = at;
    } else at += length;
  }
  endText();
  return parts;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Of the UTF-8 character that begins here; 0 if none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const character = bytes.subarray(at, at + length);
  try {
    strict.decode(character);
    return character.length === length ? length : 0;
  } catch {
    return 0;
  }
}

const HIDDEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

function escapeControls(text: string): BodyPart[] {
  const parts: BodyPart[] = [];
  let end = 0;
  for (const match of text.matchAll(HIDDEN)) {
    const [character] = match;
    if (character === '\n' || character === '\t' || character === ZERO_WIDTH_JOINER) continue;
    parts.push({ text: text.slice(end, match.index), isEscape: false });
    const code = character.codePointAt(0) ?? 0;
    parts.push({ text: `\\u{${code.toString(16)}}`, isEscape: true });
    end = match.index + character.length;
  }
  parts.push({ text: text.slice(end), isEscape: false });
  return parts;
}

/** Part of many emoji. */
const ZERO_WIDTH_JOINER = '\u200d';

const LINE_BYTES = 16;
const SHOWN_LINES_MAX = 4_096;

/** As `xxd` prints: the offset, 16 bytes, and those of them that are ASCII. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length && lines.length < SHOWN_LINES_MAX; at += LINE_BYTES) {
    const line = [...bytes.subarray(at, at + LINE_BYTES)];
    const ascii = line.map((byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
    );
    const columns = line
      .map(hex)
      .join(' ')
      .padEnd(LINE_BYTES * 3 - 1);
    lines.push(`${at.toString(16).padStart(8, '0')}  ${columns}  ${ascii.join('')}`);
  }
  const rest = bytes.length - lines.length * LINE_BYTES;
  if (rest > 0) lines.push(`… ${rest} more bytes`);
  return lines.join('\n');
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

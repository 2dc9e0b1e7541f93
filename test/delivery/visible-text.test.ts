import { expect, test } from 'vitest';
import { visibleText } from '../../src/delivery/visible-text.ts';

test.each([
  ['plain text', '{"ok":true} Zoë 🙂 \\n', '{"ok":true} Zoë 🙂 \\n'],
  ['line breaks and tabs', 'a\r\n\tb', 'a\\r\\n\\tb'],
  ['controls', 'a\u0000b\u001b[31m\u007f\u0085', 'a\\u{0}b\\u{1b}[31m\\u{7f}\\u{85}'],
  ['text that runs the other way', 'a\u202eb\u2066', 'a\\u{202e}b\\u{2066}'],
  ['what takes no space', 'a\u200bb\ufeff', 'a\\u{200b}b\\u{feff}'],
  ['separators of lines', 'a\u2028\u2029', 'a\\u{2028}\\u{2029}'],
])('%s can be read', (_what, text, visible) => {
  expect(visibleText(Buffer.from(text))).toBe(visible);
});

test.each([
  ['a byte that begins no character', [0x61, 0xff, 0x80, 0x62], 'a\\xff\\x80b'],
  ['an overlong form', [0xc0, 0xaf], '\\xc0\\xaf'],
  ['half a surrogate pair', [0xed, 0xa0, 0x80], '\\xed\\xa0\\x80'],
  ['a code point beyond Unicode', [0xf4, 0x90, 0x80, 0x80], '\\xf4\\x90\\x80\\x80'],
  ['a character that breaks off', [0xe2, 0x82, 0x61], '\\xe2\\x82a'],
  ['a character that breaks off at the end', [0x61, 0xe2, 0x82], 'a\\xe2\\x82'],
  ['compressed bytes', [0x1f, 0x8b, 0x08, 0x00], '\\u{1f}\\x8b\\u{8}\\u{0}'],
])('%s is shown by its bytes', (_what, bytes, visible) => {
  expect(visibleText(Buffer.from(bytes))).toBe(visible);
});

test('a character that was cut off at the end is left out', () => {
  const bytes = Buffer.from('a🙂');
  for (const length of [1, 2, 3, 4]) {
    expect(visibleText(bytes.subarray(0, length), true)).toBe('a');
  }
  expect(visibleText(bytes, true)).toBe('a🙂');
});

import { expect, test } from 'vitest';
import { beginningOf, hexDump, readableParts } from '../../web/src/parts/body-text.ts';

const shown = (bytes: readonly number[] | string): string =>
  readableParts(typeof bytes === 'string' ? Buffer.from(bytes) : Uint8Array.from(bytes))
    .map(({ text, isEscape }) => (isEscape ? `[${text}]` : text))
    .join('');

test('text is shown as it is, with its lines, accents and emoji', () => {
  expect(shown('{"a":\t"é"}\n👩‍🚀')).toBe('{"a":\t"é"}\n👩‍🚀');
});

test('bytes that are not UTF-8 become escapes, and what follows them is still read', () => {
  expect(shown([0x61, 0xff, 0xe9, 0x62])).toBe(String.raw`a[\xff\xe9]b`);
  // Cut off in the middle of a character; too long a form of one; half a surrogate pair.
  expect(shown([0xe2, 0x82])).toBe(String.raw`[\xe2\x82]`);
  expect(shown([0xc0, 0xaf, 0x2f])).toBe(String.raw`[\xc0\xaf]/`);
  expect(shown([0xed, 0xa0, 0x80])).toBe(String.raw`[\xed\xa0\x80]`);
});

test('what cannot be seen or turns the text around becomes an escape', () => {
  expect(shown('a\u0000b\u202Ec\u2028\r')).toBe(String.raw`a[\u{0}]b[\u{202e}]c[\u{2028}\u{d}]`);
});

test('an escape in the text itself is not marked', () => {
  expect(shown(String.raw`\xff`)).toBe(String.raw`\xff`);
});

test('a long text is cut between two characters', () => {
  const cut = (text: string, lengthMax: number) =>
    Buffer.from(beginningOf(Buffer.from(text), lengthMax)).toString();
  expect(cut('aé🚀', 7)).toBe('aé🚀');
  for (const lengthMax of [3, 4, 5, 6]) expect(cut('aé🚀', lengthMax)).toBe('aé');
  expect(cut('aé🚀', 2)).toBe('a');
  expect(beginningOf(new Uint8Array(9).fill(0x80), 5)).toHaveLength(5);
});

test('bytes are dumped sixteen a line', () => {
  const dump = hexDump(Buffer.from('0123456789abcdef\n'));
  expect(dump.split('\n')).toEqual([
    '00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef',
    '00000010  0a                                               .',
  ]);
});

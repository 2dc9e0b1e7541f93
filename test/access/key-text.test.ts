import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKeyText, keyText, parseKeyText } from '../../src/access/key-text.ts';

test('a key is recognisable, and parses to the credentials that it was made from', () => {
  const { text, credentials } = createKeyText();
  expect(text).toMatch(/^pulse_[0-9a-f]{16}_[0-9a-f]{72}$/);
  expect(parseKeyText(text)).toEqual(credentials);
  const secret = text.slice(23, 87);
  expect(credentials.secretHash).toEqual(createHash('sha256').update(secret).digest());
});

test('no two keys are alike', () => {
  const made = Array.from({ length: 100 }, () => createKeyText().credentials);
  expect(new Set(made.map(({ id }) => id)).size).toBe(100);
  expect(new Set(made.map(({ secretHash }) => secretHash.toString('hex'))).size).toBe(100);
});

test('the checksum is a CRC-32 that anyone can compute', () => {
  // Computed with Python's zlib.crc32.
  expect(keyText('0123456789abcdef', '0'.repeat(64)).slice(-8)).toBe('47339375');
});

test('a key with one wrong character is refused', () => {
  const { text } = createKeyText();
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, other) => {
      fc.pre(text[at] !== other);
      expect(parseKeyText(text.slice(0, at) + other + text.slice(at + 1))).toBeUndefined();
    }),
  );
});

test.each(['', 'pulse_', 'pulse__', `pulse_${'0'.repeat(16)}_`, 'eyJhbGciOiJub25lIn0.e30.'])(
  '%j is not a key',
  (text) => {
    expect(parseKeyText(text)).toBeUndefined();
  },
);

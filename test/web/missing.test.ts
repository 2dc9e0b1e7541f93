import { expect, test } from 'vitest';
import { emptyFields, passwordFaults } from '../../web/src/parts/missing.ts';

test('each field without text is named, also one with spaces only', () => {
  expect(emptyFields({ Id: 'a', Name: ' ', Unit: '' })).toEqual([
    'Name is missing.',
    'Unit is missing.',
  ]);
});

test('a password that is too short is told how long it has to be, in code points', () => {
  expect(passwordFaults('New password', '')).toEqual(['New password is missing.']);
  expect(passwordFaults('New password', '\u{1f389}'.repeat(11))).toEqual([
    'New password needs at least 12 characters. It has 11.',
  ]);
  expect(passwordFaults('New password', '\u{1f389}'.repeat(12))).toEqual([]);
});

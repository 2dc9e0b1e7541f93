import { describe, expect, test } from 'vitest';
import { isStorable, storableText, toStorable } from '../../src/core/storable.ts';

const LONE = '\ud83d';
const PAIR = '\ud83d\ude00';

describe('what Postgres refuses', () => {
  test('is replaced wherever it stands in a text, and nothing else is', () => {
    expect(storableText(`a\u0000b${LONE}c\u0000`)).toBe('a\ufffdb\ufffdc\ufffd');
    expect(storableText(`a\ufffd${PAIR}\n`)).toBe(`a\ufffd${PAIR}\n`);
  });

  test('is replaced in names and values', () => {
    expect(toStorable({ [`a${LONE}`]: ['\u0000', 1] })).toEqual({ 'a\ufffd': ['\ufffd', 1] });
  });

  test('is found each time, in names and values', () => {
    for (const value of ['long before it: \u0000', LONE, [LONE], { a: LONE }, { [LONE]: 1 }]) {
      expect(isStorable(value, 2)).toBe(false);
    }
    for (const value of [`a\ufffd${PAIR}`, ['b'], { c: 'd' }]) {
      expect(isStorable(value, 2)).toBe(true);
    }
  });
});

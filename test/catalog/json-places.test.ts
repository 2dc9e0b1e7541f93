import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findJsonPlaces } from '../../src/catalog/json-places.ts';

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
const isAccepted = (text: string): boolean => !('message' in findJsonPlaces(text));

describe('the walk through a JSON text', () => {
  test('accepts what JSON.parse accepts', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 2), (text, space) => {
        expect(isAccepted(JSON.stringify(JSON.parse(text), null, space))).toBe(true);
      }),
    );
  });

  test('refuses what JSON.parse refuses', () => {
    const piece = fc.constantFrom(
      ...['{', '}', '[', ']', ',', ':', '"', '"a"', '\\', '\\u00e9', ' ', '\n', '\t', '\u00a0'],
      ...['0', '-', '1.5', '.', '1e3', 'e', 'true', 'null', 'nul', 'x'],
    );
    const text = fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, (one) => {
        expect(isAccepted(one)).toBe(isJson(one));
      }),
      { numRuns: 5_000 },
    );
  });

  test('goes as deep as the text', () => {
    const deep = 1_000_000;
    expect(isAccepted('['.repeat(deep) + ']'.repeat(deep))).toBe(true);
    expect(isAccepted('{"a":'.repeat(deep))).toBe(false);
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { uuidV7 } from '../../src/core/uuid.ts';

const bits = fc.uint8Array({ minLength: 10, maxLength: 10 });
const times = fc.integer({ min: 0, max: 2 ** 48 - 1 });

test("the RFC's example is reproduced", () => {
  const random = Buffer.from('0cc318c4dc0c0c07398f', 'hex');
  expect(uuidV7(0x017f22e279b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
});

test('version and variant are those of a UUIDv7, and the time can be read from it', () => {
  fc.assert(
    fc.property(times, bits, (timeMs, random) => {
      const uuid = uuidV7(timeMs, random);
      expect(uuid).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      expect(Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)).toBe(timeMs);
    }),
  );
});

test('a later one sorts after an earlier one', () => {
  fc.assert(
    fc.property(times, times, bits, bits, (one, other, a, b) => {
      fc.pre(one < other);
      expect(uuidV7(one, a) < uuidV7(other, b)).toBe(true);
    }),
  );
});

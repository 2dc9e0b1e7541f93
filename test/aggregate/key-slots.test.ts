import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeySlots } from '../../src/aggregate/key-slots.ts';
import { packKey } from '../../src/aggregate/packed-key.ts';

const WINDOW = 1_763_780_400;

/** Packed keys one after the other, as an entry has them. */
function keysOf(fields: readonly string[], windowStartSec = WINDOW) {
  const keys = fields.map((field) => packKey(Buffer.from(field, 'latin1'), windowStartSec));
  // Not at the beginning of its memory.
  const bytes = Buffer.concat([Buffer.alloc(3), ...keys]).subarray(3);
  const keysAt = new Float64Array(keys.length);
  let at = 0;
  for (const [index, key] of keys.entries()) {
    keysAt[index] = at;
    at += key.length;
  }
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), keysAt };
}

function slotsOf(slots: KeySlots, fields: readonly string[], windowStartSec = WINDOW): number[] {
  const { view, keysAt } = keysOf(fields, windowStartSec);
  return [...slots.slotsOf(view, keysAt)];
}

const hashes = {
  random: () => new KeySlots(),
  'the same for all keys': () => new KeySlots({ hash: () => -7 }),
  'of few values': () =>
    new KeySlots({ hash: (view, from, to) => (from === to ? 0 : view.getUint8(from) % 3) }),
};

describe.each(Object.entries(hashes))('keys whose hashes are %s', (_, createSlots) => {
  test('have the same slot only when their bytes are equal', () => {
    const arbitraryField = fc.string({ unit: 'binary-ascii', maxLength: 9 });
    fc.assert(
      fc.property(
        fc.array(fc.array(arbitraryField, { maxLength: 40 }), { maxLength: 12 }),
        (entries) => {
          const slots = createSlots();
          const model = new Map<string, number>();
          for (const fields of entries) {
            for (const field of fields) if (!model.has(field)) model.set(field, model.size);
            expect(slotsOf(slots, fields)).toEqual(fields.map((field) => model.get(field)));
            expect(slots.count).toBe(model.size);
          }
          for (const [field, slot] of model) expect(slots.fieldText(slot)).toBe(field);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('keep their slots while the table grows', () => {
    const slots = createSlots();
    const fields = Array.from(
      { length: 1_000 },
      (_, index) => `key ${index} ${'x'.repeat(index % 70)}`,
    );
    const expected = fields.map((_, index) => index);
    expect(slotsOf(slots, fields)).toEqual(expected);
    expect(slotsOf(slots, fields)).toEqual(expected);
    expect(slotsOf(slots, [...fields].reverse())).toEqual([...expected].reverse());
    expect(slots.fieldText(999)).toBe(fields[999]);
  });
});

test('some keys alone get new slots in their order, with their windows', () => {
  const slots = new KeySlots();
  slotsOf(slots, ['a', 'b', 'c'], WINDOW);
  slotsOf(slots, ['d'], WINDOW + 3_600);
  const some = slots.only([3, 1]);
  expect(some.count).toBe(2);
  expect([some.fieldText(0), some.fieldText(1)]).toEqual(['d', 'b']);
  expect([some.windowStartSec(0), some.windowStartSec(1)]).toEqual([WINDOW + 3_600, WINDOW]);
  expect(slotsOf(some, ['b', 'a'])).toEqual([1, 2]);
});

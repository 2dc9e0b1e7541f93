import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ID_BYTES, NO_ID } from '../../src/aggregate/id-fingerprint.ts';
import { firstBits, PART_BITS, SeenTable } from '../../src/aggregate/seen-table.ts';
import { idAt, randomIds } from './seen-fixture.ts';

const PART_COUNT = 2 ** PART_BITS;

/** Ids that often differ in one bit, or one column, only. */
const arbitraryId = fc
  .record({
    bytes: fc.constantFrom(0, 1, 0xff),
    at: fc.nat(ID_BYTES - 1),
    bit: fc.nat(7),
  })
  .map(({ bytes, at, bit }) => {
    const id = Buffer.alloc(ID_BYTES, bytes);
    id[at] = id[at]! ^ (1 << bit);
    return id;
  });

describe('the table of seen ids', () => {
  test('answers as a set of texts does', () => {
    fc.assert(
      fc.property(fc.array(arbitraryId, { maxLength: 300 }), (ids) => {
        const table = new SeenTable();
        const model = new Set<string>();
        for (const id of ids) {
          const text = id.toString('hex');
          expect(table.has(id, 0)).toBe(model.has(text));
          expect(table.add(id, 0)).toBe(!model.has(text));
          model.add(text);
          expect(table.has(id, 0)).toBe(true);
        }
        expect(table.size).toBe(model.size);
        expect(textsOf(table.idsOfParts(0, PART_COUNT))).toEqual([...model].sort());
      }),
    );
  });

  test('keeps 300,000 ids through every growth, and takes less than 20 bytes for each', () => {
    const ids = randomIds(300_000, 1);
    const others = randomIds(50_000, 2);
    const table = new SeenTable();
    for (let offset = 0; offset < ids.length; offset += ID_BYTES) {
      expect(table.add(ids, offset)).toBe(true);
    }
    for (let offset = 0; offset < ids.length; offset += ID_BYTES) {
      if (!table.has(ids, offset) || table.add(ids, offset)) expect.fail(`lost at ${offset}`);
    }
    for (let offset = 0; offset < others.length; offset += ID_BYTES) {
      if (table.has(others, offset)) expect.fail(`invented at ${offset}`);
    }
    expect(table.size).toBe(300_000);
    expect(table.memoryBytes).toBeLessThan(20 * table.size);
  });

  test('gives the ids of each part, and all parts together give every id once', () => {
    const ids = randomIds(20_000, 3);
    const table = new SeenTable();
    for (let index = 0; index < 20_000; index++) table.add(ids, index * ID_BYTES);
    const parts = Array.from({ length: PART_COUNT }, (_, part) => table.idsOfParts(part, part + 1));
    parts.forEach((part, index) => {
      for (let offset = 0; offset < part.length; offset += ID_BYTES) {
        expect(firstBits(part, offset, PART_BITS)).toBe(index);
      }
    });
    expect(textsOf(Buffer.concat(parts))).toEqual(textsOf(ids));
  });

  test('never holds the mark of a pulse without an id', () => {
    const table = new SeenTable();
    table.add(Buffer.alloc(ID_BYTES, 1), 0);
    expect(table.has(NO_ID, 0)).toBe(false);
  });
});

function textsOf(ids: Buffer): string[] {
  return Array.from({ length: ids.length / ID_BYTES }, (_, index) =>
    idAt(ids, index).toString('hex'),
  ).sort();
}

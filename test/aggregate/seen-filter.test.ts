import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ID_BYTES } from '../../src/aggregate/id-fingerprint.ts';
import { SeenFilter } from '../../src/aggregate/seen-filter.ts';
import { randomIds } from './seen-fixture.ts';

describe('the filter of a segment', () => {
  const idCount = 200_000;
  const ids = randomIds(idCount, 1);
  const filter = SeenFilter.build(ids);

  test('never denies an id that it was built with, also after it was stored', () => {
    // As Redis's replies come: a piece of a larger buffer, at an odd place.
    const padded = Buffer.concat([Buffer.alloc(3), filter.toBuffer()]);
    const restored = SeenFilter.fromBuffer(padded.subarray(3));
    expect(restored.toBuffer().equals(filter.toBuffer())).toBe(true);
    for (let offset = 0; offset < ids.length; offset += ID_BYTES) {
      if (!filter.mayHave(ids, offset) || !restored.mayHave(ids, offset)) {
        expect.fail(`denies the id at ${offset}`);
      }
    }
  });

  test('suspects fewer than one in a thousand others, with 20 bits an id', () => {
    expect(filter.memoryBytes * 8).toBeLessThanOrEqual(20 * idCount);
    expect(wrongOf(filter, randomIds(idCount, 2)) / idCount).toBeLessThan(0.001);
  });

  test('does so too in one of many segments, where all ids begin with the same bits', () => {
    const alike = (seed: number) => {
      const own = randomIds(20_000, seed);
      for (let offset = 0; offset < own.length; offset += ID_BYTES) own.writeUInt16BE(513, offset);
      return own;
    };
    expect(wrongOf(SeenFilter.build(alike(3)), alike(4)) / 20_000).toBeLessThan(0.001);
  });

  test('never denies any of a few ids', () => {
    const arbitraryIds = fc
      .array(fc.uint8Array({ minLength: ID_BYTES, maxLength: ID_BYTES }), { maxLength: 40 })
      .map((list) => Buffer.concat(list));
    fc.assert(
      fc.property(arbitraryIds, (few) => {
        const small = SeenFilter.fromBuffer(SeenFilter.build(few).toBuffer());
        for (let offset = 0; offset < few.length; offset += ID_BYTES) {
          expect(small.mayHave(few, offset)).toBe(true);
        }
      }),
    );
  });
});

function wrongOf(filter: SeenFilter, others: Buffer): number {
  let wrong = 0;
  for (let offset = 0; offset < others.length; offset += ID_BYTES) {
    if (filter.mayHave(others, offset)) wrong++;
  }
  return wrong;
}

import { describe, expect, test } from 'vitest';
import {
  generationInUse,
  parseSeenState,
  turnGenerations,
  type SeenState,
} from '../../src/aggregate/seen-state.ts';

const LIMITS = { windowSeconds: 600, generationIdsMax: 1_000_000 };
const turn = (state: SeenState, sec: number, isSteady = true) =>
  turnGenerations(state, { ...LIMITS, now: { sec, isSteady } });

/** As if so many ids were added to the generation in use. */
function filled(state: SeenState, count: number): SeenState {
  return { ...state, list: [...state.list.slice(0, -1), { ...generationInUse(state), count }] };
}

const numbersOf = ({ list }: SeenState) => list.map(({ number }) => number);
const started = turn(parseSeenState(null), 1_000);

describe('turning the generations', () => {
  test('a generation without ids is never closed, its time begins anew', () => {
    expect(numbersOf(turn(started, 50_000))).toEqual([1]);
    expect(generationInUse(turn(started, 50_000)).openedAtSec).toBe(50_000);
  });

  test('closes after a sixth of the window, and not before', () => {
    const state = filled(started, 5);
    expect(turn(state, 1_099)).toBe(state);
    expect(turn(state, 1_100).list).toMatchObject([
      { number: 1, closedAtSec: 1_100, count: 5 },
      { number: 2, closedAtSec: null, openedAtSec: 1_100, count: 0 },
    ]);
  });

  test('closes a full one at once', () => {
    expect(numbersOf(turn(filled(started, 1_000_000), 1_001))).toEqual([1, 2]);
  });

  test('forgets one when a whole window has passed since it was closed, and not before', () => {
    const state = turn(filled(started, 5), 1_100);
    expect(numbersOf(turn(state, 1_699))).toEqual([1, 2]);
    expect(turn(state, 1_700)).toMatchObject({
      list: [{ number: 2 }],
      dropping: [{ number: 1, segmentBits: 0 }],
    });
  });

  test('while the clock is not steady, nothing is forgotten, and only a full one is closed', () => {
    const state = filled(turn(filled(started, 5), 1_100), 5);
    expect(turn(state, 1_000_000, false)).toBe(state);
    expect(numbersOf(turn(filled(state, 1_000_000), 1_000_000, false))).toEqual([1, 2, 3]);
    expect(turn(started, 50_000, false)).toBe(started);
  });

  test('a clock that jumps forward for good forgets one generation a turn, and never the newest', () => {
    let state = started;
    for (const nowSec of [1_100, 1_200, 1_300]) state = turn(filled(state, 5), nowSec);
    expect(numbersOf(state)).toEqual([1, 2, 3, 4]);
    state = turn(filled(state, 5), 1_000_000);
    expect(numbersOf(state)).toEqual([2, 3, 4, 5]);
    for (let turns = 0; turns < 5; turns++) state = turn(state, 1_000_000);
    expect(numbersOf(state)).toEqual([4, 5]);
  });

  test('a clock that is set back forgets nothing, and closes once what was opened when it was ahead', () => {
    const state = filled(turn(filled(started, 5), 1_100), 5);
    expect(turn(state, 1_090)).toBe(state);
    const closed = turn(state, 0);
    expect(numbersOf(closed)).toEqual([1, 2, 3]);
    expect(generationInUse(closed).openedAtSec).toBe(0);
    expect(turn(closed, 0)).toBe(closed);
  });

  test('one that was closed when the clock was ahead is forgotten with the next that is due', () => {
    const ahead = turn(filled(started, 5), 1_000_000);
    const corrected = turn(filled(ahead, 5), 1_200);
    expect(numbersOf(corrected)).toEqual([1, 2, 3]);
    expect(numbersOf(turn(corrected, 1_799))).toEqual([1, 2, 3]);
    expect(numbersOf(turn(corrected, 1_800))).toEqual([2, 3]);
    expect(numbersOf(turn(turn(corrected, 1_800), 1_800))).toEqual([3]);
  });

  test('while the clock is behind, what was closed before stays for a whole window', () => {
    const before = turn(filled(started, 5), 1_000_000);
    const behind = turn(filled(before, 5), 2_000);
    expect(numbersOf(turn(behind, 2_599))).toEqual([1, 2, 3]);
    // The clock is right again: what was closed before it was wrong is still younger than a window.
    expect(numbersOf(turn(behind, 1_000_599))).toEqual([1, 2, 3]);
  });

  test.each([
    [1, 0],
    [32_000, 0],
    [32_001, 1],
    [142_857, 3],
    [16_000_000, 9],
    [1e9, 10],
  ])('%i ids are cut into 2^%i segments', (count, segmentBits) => {
    expect(turn(filled(started, count), 1_100).list[0]).toMatchObject({ segmentBits });
  });

  test('survives being stored', () => {
    const state = turn(filled(started, 40_000), 1_100);
    expect(parseSeenState(JSON.stringify(state))).toEqual(state);
  });
});

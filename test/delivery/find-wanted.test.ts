import { afterEach, expect, test, vi } from 'vitest';
import { selectWanted } from '../../src/delivery/find-wanted.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Each look at the clock finds that `stepMs` have passed. @returns How often other work had its turn. */
async function turnsOf(stepMs: number): Promise<number> {
  let nowMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += stepMs));
  const waits = vi.spyOn(globalThis, 'setImmediate');
  const messages = Array.from({ length: 10 }, (_, size) => ({
    type: 'thing.made',
    data: JSON.stringify({ size, isEven: size % 2 === 0 }),
  }));
  const wanted = await selectWanted({ types: null, filter: { isEven: true } }, messages);
  expect(wanted).toEqual(messages.filter((_, size) => size % 2 === 0));
  return waits.mock.calls.length;
}

test('other work has its turn while long data is read, and is not waited for when it is short', async () => {
  expect(await turnsOf(30)).toBe(10);
  vi.restoreAllMocks();
  expect(await turnsOf(1)).toBe(0);
});

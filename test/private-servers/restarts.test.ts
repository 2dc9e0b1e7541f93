import { expect, test } from 'vitest';
import { countedEnds, restartDelayMs } from '../../src/private-servers/restarts.ts';

test('a server that keeps ending is restarted with growing delays, and then no more', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7].map(restartDelayMs);
  expect(delays.at(-1)).toBeNull();
  const waits = delays.slice(0, -1) as number[];
  for (const [index, wait] of waits.entries()) {
    expect(wait).toBeGreaterThanOrEqual(125 * 2 ** index);
    expect(wait).toBeLessThanOrEqual(250 * 2 ** index);
  }
});

test('an end that is more than five minutes ago does not count', () => {
  const minute = 60_000;
  expect(countedEnds([1 * minute, 2 * minute, 6 * minute], 7 * minute)).toEqual([
    6 * minute,
    7 * minute,
  ]);
});

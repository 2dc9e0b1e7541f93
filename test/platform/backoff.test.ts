import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffDelayMs, sleep } from '../../src/platform/backoff.ts';

describe('backoffDelayMs', () => {
  test('stays in the upper half of its step, which doubles up to the cap', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 100_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, baseMs, capMs, random) => {
          const stepMs = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
          const delayMs = backoffDelayMs(attempt, { baseMs, capMs }, () => random);
          expect(delayMs).toBeGreaterThanOrEqual(stepMs / 2);
          expect(delayMs).toBeLessThanOrEqual(stepMs);
        },
      ),
    );
  });

  test('after a thousand attempts it is still at most the cap', () => {
    expect(backoffDelayMs(1_000_000, { baseMs: 100, capMs: 5_000 }, () => 1)).toBe(5_000);
  });

  test('two clients that fail together do not retry together', () => {
    const delays = Array.from({ length: 20 }, () =>
      backoffDelayMs(5, { baseMs: 100, capMs: 5_000 }),
    );
    expect(new Set(delays).size).toBeGreaterThan(1);
  });
});

describe('sleep', () => {
  test('lasts as long as asked', async () => {
    const startedMs = performance.now();
    await sleep(30);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(28);
  });

  test('ends at once, without an error, when its signal aborts', async () => {
    const controller = new AbortController();
    const sleeping = sleep(60_000, controller.signal);
    controller.abort();
    await expect(sleeping).resolves.toBeUndefined();
  });

  test('returns at once when its signal is already aborted', async () => {
    await expect(sleep(60_000, AbortSignal.abort())).resolves.toBeUndefined();
  });
});

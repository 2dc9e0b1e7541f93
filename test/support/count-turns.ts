/** Whether long work lets other work of the process have its turn. */
import { vi } from 'vitest';

/**
 * Runs `work` with a clock of its own: each look at it finds that `stepMs` have passed.
 *
 * @returns How often other work had its turn.
 */
export async function countTurns(stepMs: number, work: () => Promise<void>): Promise<number> {
  let nowMs = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += stepMs));
  const waits = vi.spyOn(globalThis, 'setImmediate');
  try {
    await work();
    return waits.mock.calls.length;
  } finally {
    clock.mockRestore();
    waits.mockRestore();
  }
}

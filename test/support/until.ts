/** Waits for a condition outside vitest tests: in hooks, and in the fault rounds. */
import { sleep } from '../../src/platform/backoff.ts';

/** Something did not happen in time. A fault round that throws it says nothing about that fault. */
export class NotReachedError extends Error {}

/** Waits until `condition` holds. @throws NotReachedError after `timeoutMs`. */
export async function until(
  what: string,
  timeoutMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new NotReachedError(`not reached: ${what}`);
    await sleep(20);
  }
}

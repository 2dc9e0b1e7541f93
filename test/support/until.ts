/** Waiting for a condition where there is no test of vitest: in hooks, and in the fault rounds. */
import { sleep } from '../../src/platform/backoff.ts';

/** Something did not come about in time. For a fault round: it proves nothing about that fault. */
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

/** How many of those that were replayed wait here again. */
import type { BulkOutcome } from './bulk-run.ts';

/** Each is counted again so often, until nothing changes for a while. */
const LOOKS_MIN = 3;
const LOOKS_MAX = 15;
const BETWEEN_MS = 2_000;

export const MISSING = 'missing';

interface Looks {
  /** How many wait by now, with the filters of the replay. */
  readonly countNow: () => Promise<number>;
  readonly wait: (ms: number) => Promise<void>;
}

/** @param total How many waited before the replay. */
export async function waitingAgain(
  outcome: BulkOutcome,
  total: number,
  { countNow, wait }: Looks,
): Promise<number> {
  // These were not sent, so they wait as before.
  const others = total - outcome.done - countOf(outcome.leftOut, MISSING);
  let before = -1;
  let again = 0;
  for (let look = 1; look <= LOOKS_MAX; look += 1) {
    await wait(BETWEEN_MS);
    again = Math.max(0, (await countNow()) - others);
    if (look >= LOOKS_MIN && again === before) break;
    before = again;
  }
  return again;
}

function countOf(leftOut: BulkOutcome['leftOut'], name: string): number {
  return leftOut.find(([why]) => why === name)?.[1] ?? 0;
}

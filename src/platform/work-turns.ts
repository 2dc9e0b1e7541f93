/** Long work in turns, between which the process does what else waits. */

const TURN_MS = 20;

/** @returns To be awaited between parts of the work. Resolves at once, or when others have had their turn. */
export function createWorkTurns(): () => Promise<void> {
  let endMs = performance.now() + TURN_MS;
  return async () => {
    if (performance.now() < endMs) return;
    await new Promise(setImmediate);
    endMs = performance.now() + TURN_MS;
  };
}

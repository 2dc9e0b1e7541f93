/** Signals for one piece of work. */

/**
 * Runs `work` with a signal that aborts as soon as one of the parents does, and when the work has ended.
 *
 * Instead of `AbortSignal.any`, of which each parent keeps an entry for as long as it lives, in Node 20: with one that
 * lives as long as the process, memory would grow with every piece of work.
 */
export async function withChildSignal<T>(
  parents: readonly AbortSignal[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const child = new AbortController();
  const follow = (): void => {
    child.abort(parents.find(({ aborted }) => aborted)?.reason);
  };
  for (const parent of parents) parent.addEventListener('abort', follow);
  try {
    if (parents.some(({ aborted }) => aborted)) follow();
    return await work(child.signal);
  } finally {
    for (const parent of parents) parent.removeEventListener('abort', follow);
    child.abort();
  }
}

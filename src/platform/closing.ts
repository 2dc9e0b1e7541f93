/** Closes what was opened, in reverse order and within a time limit, even if some of it fails. */
import { sleep } from './backoff.ts';
import type { Logger } from './logger.ts';

export interface Closer {
  /**
   * Registers how to close something that was just opened.
   *
   * @param close Gets the number of milliseconds it has. If it takes longer, closing continues without it.
   * @param share The fraction of the remaining time it may take; `all` waits for it without a limit.
   */
  add(
    name: string,
    close: (withinMs: number) => void | Promise<void>,
    share?: number | 'all',
  ): void;
  /** Closes everything, last opened first. Logs failures, never throws. Repeated calls share one run. */
  close(): Promise<void>;
}

interface Part {
  readonly name: string;
  readonly close: (withinMs: number) => void | Promise<void>;
  readonly share: number | 'all';
}

/** The least time each part gets, so that a slow part cannot use up the time of those closed after it. */
const LATE_PART_MS = 500;

/** @param withinMs For all parts together, from the call of `close`. */
export function createCloser(logger: Logger, { withinMs }: { readonly withinMs: number }): Closer {
  const open: Part[] = [];
  let closing: Promise<void> | undefined;
  const closeAll = async (): Promise<void> => {
    const deadlineMs = performance.now() + withinMs;
    for (let part = open.pop(); part !== undefined; part = open.pop()) {
      const share = part.share === 'all' ? 1 : part.share;
      const boundMs = Math.max(LATE_PART_MS, (deadlineMs - performance.now()) * share);
      try {
        if (await closedWithin(part, boundMs)) continue;
        logger.warn({ part: part.name, boundMs: Math.round(boundMs) }, 'could not close in time');
      } catch (error) {
        logger.warn({ err: error, part: part.name }, 'could not close cleanly');
      }
    }
  };
  return {
    add(name, close, share = 1) {
      open.push({ name, close, share });
    },
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

async function closedWithin({ close, share }: Part, boundMs: number): Promise<boolean> {
  const closed = Promise.resolve(close(boundMs)).then(() => true);
  if (share === 'all') return await closed;
  // It may still fail after the time limit, when nothing awaits it any more.
  closed.catch(() => undefined);
  const inTime = new AbortController();
  try {
    return await Promise.race([closed, sleep(boundMs, inTime.signal).then(() => false)]);
  } finally {
    inTime.abort();
  }
}

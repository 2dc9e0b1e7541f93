/** Closing what was opened, in reverse order and within a time, whatever fails on the way. */
import { sleep } from './backoff.ts';
import type { Logger } from './logger.ts';

export interface Closer {
  /**
   * Remembers how to close something that has just been opened.
   *
   * @param close Told how many milliseconds it has. One that takes longer is left to itself.
   * @param share The part of the time then left that it may take; `all` waits for it without a bound.
   */
  add(
    name: string,
    close: (withinMs: number) => void | Promise<void>,
    share?: number | 'all',
  ): void;
  /** Closes everything, last opened first. Failures are logged, never thrown. Repeated calls share one run. */
  close(): Promise<void>;
}

interface Part {
  readonly name: string;
  readonly close: (withinMs: number) => void | Promise<void>;
  readonly share: number | 'all';
}

/** What is opened first is closed last, and must not be skipped because another took all the time. */
const LATE_PART_MS = 500;

/** @param withinMs For all parts together, from the call of `close` on. */
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
  // If it fails later, nobody waits for it any more.
  closed.catch(() => undefined);
  const inTime = new AbortController();
  try {
    return await Promise.race([closed, sleep(boundMs, inTime.signal).then(() => false)]);
  } finally {
    inTime.abort();
  }
}

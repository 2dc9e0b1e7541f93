/** Logs what a start is waiting for, so that it does not look hung. */
import { serverOf, type Logger } from './logger.ts';

const INTERVAL_MS = 5_000;

/** Call the returned function after each failed attempt: it logs the first, then one every few seconds. */
export function createWaitReport({
  url,
  timeoutMs,
  logger,
}: {
  url: string;
  timeoutMs: number;
  logger: Logger;
}): () => void {
  const startedMs = performance.now();
  let reportedMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = performance.now();
    if (nowMs - reportedMs < INTERVAL_MS) return;
    reportedMs = nowMs;
    const waitedSeconds = Math.round((nowMs - startedMs) / 1000);
    const giveUpSeconds = Math.round(timeoutMs / 1000);
    logger.warn({ server: serverOf(url), waitedSeconds, giveUpSeconds }, 'waiting for a server');
  };
}

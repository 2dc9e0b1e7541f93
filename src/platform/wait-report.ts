/** Saying what a start waits for, so that nobody takes it for hanging. */
import { serverOf, type Logger } from './logger.ts';

const INTERVAL_MS = 5_000;

/** Called after each failed attempt; logs the first, and then once every few seconds. */
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

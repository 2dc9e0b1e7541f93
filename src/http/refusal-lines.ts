/** The lines of the application log about refused requests: so many a minute, then only their number. */
import type { Logger } from '../platform/logger.ts';

/** Anybody can have requests refused, without a token and as fast as the API answers. */
const LINES_MAX = 60;
const PERIOD_MS = 60_000;

export interface RefusalLines {
  /** Logs a warning, or counts it when this minute has had its share. */
  readonly warn: (log: Pick<Logger, 'warn'>, facts: object, message: string) => void;
  /** The same for a failure of Pulse. */
  readonly error: (log: Pick<Logger, 'error'>, facts: object, message: string) => void;
  /** The same for what is no warning. */
  readonly info: (log: Pick<Logger, 'info'>, facts: object, message: string) => void;
  /** Tells how many were left out since the last line that did. */
  close(): void;
}

/** @param leftOutText The message of the line that counts what was not logged. */
export function createRefusalLines(
  logger: Pick<Logger, 'warn'>,
  leftOutText = 'more requests refused, not logged one by one',
): RefusalLines {
  let lines = 0;
  let leftOut = 0;
  let timer: NodeJS.Timeout | undefined;
  const close = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (leftOut > 0) logger.warn({ count: leftOut }, leftOutText);
    lines = 0;
    leftOut = 0;
  };
  const mayWrite = (): boolean => {
    timer ??= setTimeout(close, PERIOD_MS).unref();
    if (lines === LINES_MAX) {
      leftOut += 1;
      return false;
    }
    lines += 1;
    return true;
  };
  return {
    warn(log, facts, message) {
      if (mayWrite()) log.warn(facts, message);
    },
    error(log, facts, message) {
      if (mayWrite()) log.error(facts, message);
    },
    info(log, facts, message) {
      if (mayWrite()) log.info(facts, message);
    },
    close,
  };
}

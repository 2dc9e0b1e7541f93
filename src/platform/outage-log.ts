/** Logs an outage twice, when it begins and when it ends. What happens in between, and every stack, is for debugging. */
import { codeOf } from '../core/errors.ts';
import type { Logger } from './logger.ts';

export interface OutageLog {
  /** Something failed: a warning the first time, a debug line until `ended`. */
  failed(error: unknown, facts?: Readonly<Record<string, unknown>>): void;
  /** It works. Logs only if it had failed. */
  ended(): void;
}

export interface OutageOptions {
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn'>;
  /** In every line: which server, which connection. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly failedText: string;
  readonly endedText: string;
}

export function createOutageLog(options: OutageOptions): OutageLog {
  const { logger, facts, failedText, endedText } = options;
  let hasFailed = false;
  return {
    failed(error, more = {}) {
      if (!hasFailed) {
        const reason = { code: codeOf(error), reason: reasonOf(error) };
        logger.warn({ ...facts, ...more, ...reason }, failedText);
      }
      hasFailed = true;
      logger.debug({ err: error, ...facts, ...more }, failedText);
    },
    ended() {
      if (hasFailed) logger.info(facts, endedText);
      hasFailed = false;
    },
  };
}

/** One line on an error. Errors of several addresses have no message, only a code. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  return message === '' ? String(codeOf(error) ?? 'unknown') : message;
}

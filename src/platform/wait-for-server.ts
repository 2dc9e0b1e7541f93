/** Waits for a server when a process starts, and logs that it does, so that the process does not look hung. */
import { FatalError, type ErrorCode } from '../core/errors.ts';
import { backoffDelayMs, sleep } from './backoff.ts';
import { serverOf, type Logger } from './logger.ts';

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
}

export interface AwaitedServer {
  readonly name: 'RabbitMQ' | 'Redis' | 'Postgres';
  /** The variable that holds the URL. */
  readonly variable: string;
  readonly url: string;
  /** The error's code when the wait fails. */
  readonly code: ErrorCode;
  /** One try. Ends within `leftMs`, which is at least 1. A FatalError from here ends the wait. */
  attempt(leftMs: number): Promise<void>;
  /** Why waiting will not help, such as "refuses the password"; undefined when it may. */
  refusalOf(error: unknown): string | undefined;
  /** The end of the message after a timeout; "does not answer" by default. */
  silenceOf?(error: unknown): string;
}

const BACKOFF = { baseMs: 100, capMs: 1_000 };
/** Gives clients that connect in the background a moment before the first warning. */
const FIRST_REPORT_MS = 500;
const REPORT_INTERVAL_MS = 5_000;

/**
 * Tries until `attempt` succeeds, for at most `timeoutMs`. Logs a warning every few seconds.
 *
 * @throws FatalError with the server's code, after the timeout, when `signal` aborts, or at once when the server
 * refuses. Names the variable and the server, never the password.
 */
export async function waitForServer(
  server: AwaitedServer,
  { timeoutMs, logger, signal }: WaitOptions,
): Promise<void> {
  const startedMs = performance.now();
  const deadlineMs = startedMs + timeoutMs;
  let nextReportMs = startedMs + FIRST_REPORT_MS;
  for (let attempt = 0; ; attempt++) {
    try {
      await server.attempt(Math.max(1, Math.ceil(deadlineMs - performance.now())));
      return;
    } catch (error) {
      if (error instanceof FatalError) throw error;
      const refusal = server.refusalOf(error);
      const delayMs = backoffDelayMs(attempt, BACKOFF);
      const nowMs = performance.now();
      if (refusal !== undefined || signal?.aborted === true || nowMs + delayMs >= deadlineMs) {
        const reason = refusal ?? server.silenceOf?.(error) ?? 'does not answer';
        throw new FatalError(
          server.code,
          `${server.variable}: ${server.name} at ${serverOf(server.url)} ${reason}.`,
          { cause: error },
        );
      }
      if (nowMs >= nextReportMs) {
        nextReportMs = nowMs + REPORT_INTERVAL_MS;
        const waitedSeconds = Math.round((nowMs - startedMs) / 1000);
        const giveUpSeconds = Math.round(timeoutMs / 1000);
        logger.warn(
          { server: serverOf(server.url), waitedSeconds, giveUpSeconds },
          'waiting for a server',
        );
      }
      await sleep(delayMs, signal);
    }
  }
}

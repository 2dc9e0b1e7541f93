/** Looks at a server at intervals and keeps the latest result. */
import type { Registry } from 'prom-client';
import { sleep, withTimeout } from './backoff.ts';
import type { Logger } from './logger.ts';
import { addSampledGauges } from './metrics.ts';
import { createOutageLog } from './outage-log.ts';

export interface WatchOptions<T> {
  readonly name: string;
  readonly intervalMs: number;
  readonly look: () => Promise<T>;
  readonly logger: Logger;
}

export interface Watch<T> {
  /** What the last look saw; undefined before the first look and after a failed one. */
  readonly latest: T | undefined;
  /** Stops looking; does not wait for a look in progress. */
  close(): void;
}

const LOOK_TIMEOUT_MS = 10_000;

/** Looks now and then after every interval. Of failures in a row, only the first is logged. */
export function startWatch<T>({ name, intervalMs, look, logger }: WatchOptions<T>): Watch<T> {
  const closing = new AbortController();
  let latest: T | undefined;
  const outage = createOutageLog({
    logger,
    facts: { watch: name },
    failedText: 'watch failed; its metrics are missing',
    endedText: 'watch succeeds again',
  });

  const lookOnce = async (): Promise<void> => {
    try {
      latest = await withTimeout(LOOK_TIMEOUT_MS, look());
      outage.ended();
    } catch (error) {
      latest = undefined;
      if (!closing.signal.aborted) outage.failed(error);
    }
  };
  const keepLooking = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await lookOnce();
      await sleep(intervalMs, closing.signal);
    }
  };
  void keepLooking();
  return {
    get latest() {
      return latest;
    },
    close() {
      closing.abort();
    },
  };
}

/** Whether each watch succeeded at its last look. */
export function addWatchMetrics(
  registry: Registry,
  watches: Readonly<Record<string, { readonly latest: unknown }>>,
): void {
  addSampledGauges(registry, {
    name: 'pulse_watch_up',
    help: 'Whether the last look at a server succeeded: 1 yes, 0 no. While it is 0, the metrics that come from it are missing.',
    label: 'watch',
    read: () =>
      Object.fromEntries(
        Object.entries(watches).map(([name, { latest }]) => [name, latest === undefined ? 0 : 1]),
      ),
  });
}

/** Looks at a server again and again, and keeps what was seen last. */
import type { Registry } from 'prom-client';
import { TransientError } from '../core/errors.ts';
import { sleep } from './backoff.ts';
import type { Logger } from './logger.ts';
import { addSampledGauges } from './metrics.ts';

export interface WatchOptions<T> {
  readonly name: string;
  readonly intervalMs: number;
  readonly look: () => Promise<T>;
  readonly logger: Logger;
}

export interface Watch<T> {
  /** What the last look saw; undefined before the first, and after one that failed: nobody knows then. */
  readonly latest: T | undefined;
  /** No further look; one that is under way ends by itself. */
  close(): void;
}

const LOOK_TIMEOUT_MS = 10_000;

/** Starts looking, at once and then at every interval. A look that fails is logged once, until one succeeds. */
export function startWatch<T>({ name, intervalMs, look, logger }: WatchOptions<T>): Watch<T> {
  const closing = new AbortController();
  let latest: T | undefined;
  let failing = false;

  const lookOnce = async (): Promise<void> => {
    try {
      latest = await withinTime(look());
      failing = false;
    } catch (error) {
      latest = undefined;
      if (!failing && !closing.signal.aborted) {
        logger.warn({ err: error, watch: name }, 'watch sees nothing; its metrics are missing');
      }
      failing = true;
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

/** Which watches saw something at their last look. */
export function addWatchMetrics(
  registry: Registry,
  watches: Readonly<Record<string, { readonly latest: unknown }>>,
): void {
  addSampledGauges(registry, {
    name: 'pulse_watch_up',
    help: 'Whether the last look at a server succeeded: 1 yes, 0 no, and then the metrics that come from it are missing.',
    label: 'watch',
    read: () =>
      Object.fromEntries(
        Object.entries(watches).map(([name, { latest }]) => [name, latest === undefined ? 0 : 1]),
      ),
  });
}

async function withinTime<T>(look: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new TransientError('PULSE_TIMEOUT', 'The look was not over in time.'));
    }, LOOK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([look, late]);
  } finally {
    clearTimeout(timer);
  }
}

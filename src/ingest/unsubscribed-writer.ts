/** Writes, every few seconds, who used what without a subscription. */
import { sleep } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { createOutageLog } from '../platform/outage-log.ts';
import {
  addUsages,
  type UnsubscribedUsage,
  type UnsubscribedUsages,
} from './unsubscribed-usage.ts';

export interface UnsubscribedWriterDeps {
  /**
   * Adds the counts. If it fails they are written again, so they may be added twice.
   *
   * @returns How many pulses it has added: there may be no room for new pairs.
   */
  readonly write: (usages: readonly UnsubscribedUsage[]) => Promise<number>;
  /** Removes what was last seen long ago. */
  readonly forget: () => Promise<void>;
  readonly logger: Logger;
  readonly intervalMs?: number;
}

export interface UnsubscribedWriter {
  /** @param pulseCount All pulses without a subscription, also those of pairs that are not in `usages` any more. */
  add(usages: UnsubscribedUsages, pulseCount: number): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

const INTERVAL_MS = 3_000;
const FORGET_INTERVAL_MS = 3_600_000;
/** Whoever sends can make it happen all the time. */
const LEFT_OUT_INTERVAL_MS = 60_000;

export function startUnsubscribedWriter(deps: UnsubscribedWriterDeps): UnsubscribedWriter {
  const { write, forget, logger, intervalMs = INTERVAL_MS } = deps;
  const closing = new AbortController();
  const outage = createOutageLog({
    logger,
    facts: {},
    failedText: 'cannot record who uses what without a subscription',
    endedText: 'records again who uses what without a subscription',
  });
  const kept: UnsubscribedUsages = new Map();
  let forgottenAtMs = -Infinity;
  const leftOut = createLeftOutLog(logger);

  const writeAll = async (): Promise<void> => {
    const usages = [...kept.values()];
    kept.clear();
    try {
      if (usages.length > 0) leftOut.add(pulsesOf(usages) - (await write(usages)));
      if (performance.now() - forgottenAtMs > FORGET_INTERVAL_MS) {
        usages.length = 0;
        await forget();
        forgottenAtMs = performance.now();
      }
      outage.ended();
    } catch (error) {
      leftOut.add(pulsesOf(usages) - addUsages(kept, usages));
      outage.failed(error);
    }
    leftOut.log(LEFT_OUT_INTERVAL_MS);
  };
  const keepWriting = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await writeAll();
      await sleep(intervalMs, closing.signal);
    }
    await writeAll();
    leftOut.log(0);
  };
  const ended = keepWriting();
  return {
    add(usages, pulseCount) {
      leftOut.add(pulseCount - addUsages(kept, usages.values()));
    },
    close() {
      closing.abort();
      return ended;
    },
  };
}

function pulsesOf(usages: readonly UnsubscribedUsage[]): number {
  return usages.reduce((sum, { pulseCount }) => sum + pulseCount, 0);
}

/** Says how many pulses are in the metrics alone, because they have too many tenants and SKUs. */
function createLeftOutLog(logger: Logger) {
  let pulseCount = 0;
  let loggedAtMs = -Infinity;
  return {
    add(count: number) {
      pulseCount += count;
    },
    log(intervalMs: number) {
      if (pulseCount === 0 || performance.now() - loggedAtMs < intervalMs) return;
      logger.warn({ pulseCount }, 'too many tenants and SKUs without a subscription to record all');
      pulseCount = 0;
      loggedAtMs = performance.now();
    },
  };
}

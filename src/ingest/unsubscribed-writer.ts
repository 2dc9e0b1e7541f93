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
  /** Adds the counts. If it fails they are written again, so they may be added twice. */
  readonly write: (usages: readonly UnsubscribedUsage[]) => Promise<void>;
  /** Removes what was last seen long ago. */
  readonly forget: () => Promise<void>;
  readonly logger: Logger;
  readonly intervalMs?: number;
}

export interface UnsubscribedWriter {
  add(usages: UnsubscribedUsages): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

const INTERVAL_MS = 3_000;
const FORGET_INTERVAL_MS = 3_600_000;

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

  const writeAll = async (): Promise<void> => {
    const usages = [...kept.values()];
    kept.clear();
    try {
      if (usages.length > 0) await write(usages);
      if (performance.now() - forgottenAtMs > FORGET_INTERVAL_MS) {
        usages.length = 0;
        await forget();
        forgottenAtMs = performance.now();
      }
      outage.ended();
    } catch (error) {
      addUsages(kept, usages);
      outage.failed(error);
    }
  };
  const keepWriting = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await writeAll();
      await sleep(intervalMs, closing.signal);
    }
    await writeAll();
  };
  const ended = keepWriting();
  return {
    add(usages) {
      addUsages(kept, usages.values());
    },
    close() {
      closing.abort();
      return ended;
    },
  };
}

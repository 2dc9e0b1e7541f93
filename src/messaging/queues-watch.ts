/** Watches how many messages wait in the queues of the chain, and whether anything consumes them. */
import { startDepthReader } from '../platform/depth-reader.ts';
import type { Logger } from '../platform/logger.ts';
import type { QueueDepth } from '../platform/topology.ts';
import { startWatch } from '../platform/watch.ts';

export interface QueuesWatch {
  /** By queue. */
  readonly latest: Readonly<Record<string, QueueDepth>> | undefined;
  close(): Promise<void>;
}

const INTERVAL_MS = 5_000;

/** Starts the watch on a separate connection. */
export function startQueuesWatch({
  url,
  queues,
  logger,
}: {
  readonly url: string;
  readonly queues: readonly string[];
  readonly logger: Logger;
}): QueuesWatch {
  const reader = startDepthReader({ url, name: 'pulse message watch', logger });
  const watch = startWatch({
    name: 'message queues',
    intervalMs: INTERVAL_MS,
    logger,
    async look() {
      const depths: Record<string, QueueDepth> = {};
      for (const queue of queues) depths[queue] = await reader.read(queue);
      return depths;
    },
  });
  return {
    get latest() {
      return watch.latest;
    },
    async close() {
      watch.close();
      await reader.close();
    },
  };
}

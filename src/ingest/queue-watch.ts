/** Watches the depth of the queue of pulses, of its dead letters, and of those that are parked. */
import { startDepthReader } from '../platform/depth-reader.ts';
import type { Logger } from '../platform/logger.ts';
import { topologyNames, type QueueDepth } from '../platform/topology.ts';
import { startWatch, type Watch } from '../platform/watch.ts';

export interface QueueSight {
  readonly main: QueueDepth;
  readonly dead: QueueDepth;
  /** Undefined when there is no such queue, which stops nothing. */
  readonly parked: QueueDepth | undefined;
}

/** How long pulses have been waiting, as far as this process has seen. */
export interface Backlog {
  /** Every look since then found waiting pulses; undefined if the last one found none. */
  readonly sinceMs: number | undefined;
  /** Every look since then found waiting pulses and no consumer. */
  readonly untakenSinceMs: number | undefined;
  /** Whether any look found the queue empty, so that no waiting pulse is older than `sinceMs`. */
  readonly wasEmpty: boolean;
}

export interface QueueWatch {
  readonly latest: QueueSight | undefined;
  /** Kept when a look fails: it does not show that the queue is empty. */
  readonly backlog: Backlog;
  close(): Promise<void>;
}

export const NO_BACKLOG: Backlog = {
  sinceMs: undefined,
  untakenSinceMs: undefined,
  wasEmpty: false,
};

const INTERVAL_MS = 5_000;

/** Starts the watch on a separate connection. */
export function startQueueWatch(options: {
  readonly url: string;
  readonly queue: string;
  readonly logger: Logger;
}): QueueWatch {
  const { url, queue, logger } = options;
  let backlog = NO_BACKLOG;
  const reader = startDepthReader({ url, name: 'pulse watch', logger });
  const look = async (): Promise<QueueSight> => {
    const names = topologyNames(queue);
    const main = await reader.read(names.queue);
    const dead = await reader.read(names.deadQueue);
    const parked = await reader.find(names.parkedQueue);
    backlog = followBacklog(backlog, main, Date.now());
    return { main, dead, parked };
  };
  const watch: Watch<QueueSight> = startWatch({
    name: 'queue',
    intervalMs: INTERVAL_MS,
    look,
    logger,
  });
  return {
    get latest() {
      return watch.latest;
    },
    get backlog() {
      return backlog;
    },
    async close() {
      watch.close();
      await reader.close();
    },
  };
}

/** The backlog after another look. */
export function followBacklog(before: Backlog, depth: QueueDepth, nowMs: number): Backlog {
  if (depth.readyCount === 0) return { ...NO_BACKLOG, wasEmpty: true };
  return {
    sinceMs: before.sinceMs ?? nowMs,
    untakenSinceMs: depth.consumerCount > 0 ? undefined : (before.untakenSinceMs ?? nowMs),
    wasEmpty: before.wasEmpty,
  };
}

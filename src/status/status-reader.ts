/** The status of one process: read once for everybody who asks, and remembered for an hour. */
import type { Logger } from '../platform/logger.ts';
import { createSharedRead } from '../platform/shared-read.ts';
import { startWatch } from '../platform/watch.ts';
import type { Status } from './status.ts';

/** One moment of the past. A value is null when it was not known. */
export interface HistoryPoint {
  readonly at: Date;
  readonly received: bigint | null;
  readonly counted: bigint | null;
  readonly queueReady: number | null;
  readonly oldestPulseSeconds: number | null;
  readonly journalled: bigint | null;
  readonly live: bigint | null;
  readonly deadLetters: number | null;
  readonly outbox: number | null;
  readonly deliveries: number | null;
}

export interface StatusReader {
  /** At most a second old. */
  read(): Promise<Status>;
  /** Oldest first. */
  history(): readonly HistoryPoint[];
  close(): void;
}

/** A status is good for so long; nobody reads the servers more often. */
export const KEEP_MS = 1_000;
const SAMPLE_MS = 10_000;
const POINTS_MAX = 360;

/** Starts to take samples. */
export function startStatusReader({
  readNow,
  logger,
}: {
  readonly readNow: () => Promise<Status>;
  readonly logger: Logger;
}): StatusReader {
  const read = createSharedRead({ read: readNow, keepMs: KEEP_MS });
  const points: HistoryPoint[] = [];
  const samples = startWatch({
    name: 'status',
    intervalMs: SAMPLE_MS,
    logger,
    async look() {
      points.push(toPoint(await read()));
      if (points.length > POINTS_MAX) points.shift();
    },
  });
  return {
    read,
    history: () => points,
    close() {
      samples.close();
    },
  };
}

export function toPoint(status: Status): HistoryPoint {
  const { at, sums, queue, oldestPulseSeconds, deadLetters, outbox, deliveries } = status;
  return {
    at,
    received: sums?.received ?? null,
    counted: sums?.counted ?? null,
    queueReady: queue?.ready ?? null,
    oldestPulseSeconds,
    journalled: sums?.journalled ?? null,
    live: sums?.live ?? null,
    deadLetters: deadLetters?.reduce((sum, { count }) => sum + count, 0) ?? null,
    outbox: outbox?.waiting ?? null,
    deliveries: deliveries?.dueCount ?? null,
  };
}

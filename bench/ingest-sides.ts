/**
 * The sides of the ingest scenarios. Each waits on its queue, is stopped by a signal while the backlog is filled, and
 * is measured from its release until the last pulse is settled, so the figure includes no start-up.
 */
import { sleep } from '../src/platform/backoff.ts';
import type { Filler } from './backlog.ts';
import { startChild, type BenchChild } from './child-process.ts';
import { nowMs } from './clock.ts';
import { watchCpu } from './cpu.ts';
import type { Installation } from './installation.ts';
import type { DrainAnswer, DrainOrder } from './processes/bare-drain.ts';
import type { OriginalAnswer, OriginalOrder } from './processes/original-ingest.ts';
import type { PulseProcess } from './pulse-process.ts';
import type { BenchContext, Measured } from './scenario.ts';
import type { Traffic } from './traffic.ts';

export interface Backlog {
  readonly pulseCount: number;
  readonly messageCount: number;
  readonly bodyBytes: number;
}

export interface IngestSide {
  /** The measured processes. */
  readonly pids: readonly number[];
  /** Stops it before its backlog is filled. */
  hold(messageCount: number): Promise<void>;
  /** Resumes it. Resolves with the time of the last pulse on the clock of `nowMs`. @throws Error when the counts are wrong. */
  release(backlog: Backlog): Promise<number>;
  close(): Promise<void>;
}

const POLL_MS = 10;
const STALLED_MS = 60_000;

/**
 * A large prefetch and rare acknowledgements: the best that the broker and the client can do.
 */
export const DRAIN_SETTINGS = { prefetch: 8_000, ackEvery: 1_000 };

export function messageCountOf({ pulseCount, pulsesPerMessage }: Traffic): number {
  return Math.ceil(pulseCount / pulsesPerMessage);
}

/** Stops a side and fills its queue. */
export async function fillHeld(
  side: IngestSide,
  filler: Filler,
  traffic: Traffic,
): Promise<Backlog> {
  const messageCount = messageCountOf(traffic);
  await side.hold(messageCount);
  const bodyBytes = await filler.fill(traffic);
  return { pulseCount: traffic.pulseCount, messageCount, bodyBytes };
}

/** Measures one side on one backlog that is already filled. */
export async function measureSide(
  context: BenchContext,
  side: IngestSide,
  backlog: Backlog,
): Promise<Measured> {
  await context.servers.rest();
  const endCpu = watchCpu({ ...context.servers.cpuRoots, node: side.pids });
  const startedAtMs = nowMs();
  const seconds = ((await side.release(backlog)) - startedAtMs) / 1000;
  return {
    value: backlog.pulseCount / seconds,
    cpuUs: endCpu(),
    pulseCount: backlog.pulseCount,
    details: { seconds },
  };
}

/** Pulse itself: worker processes as users start them, one by default. */
export async function openProductSide(
  installation: Installation,
  workerCount = 1,
): Promise<IngestSide> {
  const workers: PulseProcess[] = [];
  while (workers.length < workerCount) workers.push(await installation.startWorker());
  return {
    pids: workers.map(({ pid }) => pid),
    hold() {
      for (const worker of workers) worker.signal('SIGSTOP');
      return Promise.resolve();
    },
    release: ({ pulseCount }) => releaseWorkers(installation, workers, pulseCount),
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}

async function releaseWorkers(
  installation: Installation,
  workers: readonly PulseProcess[],
  pulseCount: number,
): Promise<number> {
  const before = await installation.readCounts();
  for (const worker of workers) worker.signal('SIGCONT');
  await waitUntilCounted(installation, before.counted + pulseCount);
  const endedAtMs = nowMs();
  const after = await installation.readCounts();
  if (after.duplicates !== before.duplicates || after.counted !== before.counted + pulseCount) {
    throw new Error(`Counted ${after.counted - before.counted} of ${pulseCount} new pulses.`);
  }
  return endedAtMs;
}

/** @throws Error when the count does not change for a minute. */
export async function waitUntilCounted(
  { readCounts }: Pick<Installation, 'readCounts'>,
  wanted: number,
  onPoll?: (counted: number) => void,
): Promise<void> {
  let last = -1;
  let movedAtMs = nowMs();
  for (;;) {
    const { counted } = await readCounts();
    onPoll?.(counted);
    if (counted >= wanted) return;
    if (counted !== last) movedAtMs = nowMs();
    last = counted;
    if (nowMs() - movedAtMs > STALLED_MS) {
      throw new Error(`Counting has stopped at ${counted} of ${wanted} pulses.`);
    }
    await sleep(POLL_MS);
  }
}

/** The reference: amqplib on the same kind of queue. It only acknowledges. */
export async function openDrainSide(context: BenchContext, queue: string): Promise<IngestSide> {
  const child: BenchChild<DrainOrder> = startChild('bare-drain');
  const url = context.servers.rabbitmqUrl;
  await child.ask({ kind: 'open', url, queue, ...DRAIN_SETTINGS });
  return {
    pids: [child.pid],
    async hold(messageCount) {
      await child.ask({ kind: 'expect', count: messageCount });
      child.signal('SIGSTOP');
    },
    async release({ bodyBytes }) {
      child.signal('SIGCONT');
      const answer = (await child.ask({ kind: 'wait' })) as DrainAnswer;
      if (answer.bodyBytes !== bodyBytes) {
        throw new Error(`The bare drain saw ${answer.bodyBytes} bytes instead of ${bodyBytes}.`);
      }
      return answer.doneAtMs;
    },
    close: () => child.close(),
  };
}

/** The design that Pulse replaces. It only starts consuming when it is released. */
export async function openOriginalSide(
  context: BenchContext,
  { queue, redisUrl }: { queue: string; redisUrl: string },
): Promise<IngestSide> {
  const child: BenchChild<OriginalOrder> = startChild('original-ingest');
  const { rabbitmqUrl } = context.servers;
  await child.ask({ kind: 'open', rabbitmqUrl, redisUrl, queue });
  return {
    pids: [child.pid],
    hold: () => Promise.resolve(),
    async release({ messageCount }) {
      return ((await child.ask({ kind: 'run', count: messageCount })) as OriginalAnswer).doneAtMs;
    },
    close: () => child.close(),
  };
}

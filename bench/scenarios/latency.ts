import { sleep } from '../../src/platform/backoff.ts';
import { newTraffic } from '../backlog.ts';
import { startChild, type BenchChild } from '../child-process.ts';
import { nowMs } from '../clock.ts';
import { watchCpu } from '../cpu.ts';
import { createInstallation, type Installation } from '../installation.ts';
import type { PublishAnswer, PublishOrder } from '../processes/publish.ts';
import type { PulseProcess } from '../pulse-process.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';
import { quantile } from '../statistics.ts';
import { createExpectedSums, type ExpectedSums } from '../traffic.ts';
import { verifySums } from '../verify-sums.ts';

const PER_SECOND = 10_000;
const WINDOW = 10_000;
const POLL_MS = 2;
const SETTLE_TIMEOUT_MS = 30_000;
const SHAPE = { keyCount: 20_000, distribution: 'uniform' } as const;

/** How old a sum is in everyday traffic: from the broker's confirm until the sum is in Redis and on disk. */
export const latency: Scenario = {
  name: 'latency',
  measured: 'p99 from confirm to applied at 10,000 pulses/s',
  against: '',
  unit: 'ms',
  judgement: 'value at most',
  mustReach: 250,
  aim: 50,
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const { queue } = installation;
    const child: BenchChild<PublishOrder> = startChild('publish');
    const { rabbitmqUrl: url } = context.servers;
    await child.ask({ kind: 'open', url, exchange: queue, publisher: 'pulse', window: WINDOW });
    const worker = await installation.startWorker();
    const expected = createExpectedSums(SHAPE.keyCount);
    let seconds = 0;
    return {
      prepare(warmUp) {
        seconds = warmUp ? 1 : context.quick ? 2 : 10;
        return Promise.resolve();
      },
      product: () => measure({ context, installation, child, worker, expected }, seconds),
      verify: () => verifySums(context, installation, expected),
      async close() {
        await Promise.all([child.close(), worker.close()]);
        await installation.close();
      },
    };
  },
};

interface Parts {
  readonly context: BenchContext;
  readonly installation: Installation;
  readonly child: BenchChild<PublishOrder>;
  readonly worker: PulseProcess;
  readonly expected: ExpectedSums;
}

async function measure(parts: Parts, seconds: number): Promise<Measured> {
  const { context, installation, child, worker, expected } = parts;
  const pulseCount = seconds * PER_SECOND;
  const traffic = newTraffic(context, SHAPE, pulseCount);
  expected.add(traffic);
  await context.servers.rest();
  const before = (await installation.readCounts()).counted;
  const applied: Point[] = [];
  const endCpu = watchCpu({ ...context.servers.cpuRoots, node: worker.pid });
  const watching = watchApplied(installation, { before, pulseCount, applied });
  const answer = (await child.ask({
    kind: 'publish',
    traffic,
    perSecond: PER_SECOND,
  })) as PublishAnswer;
  await watching;
  const delays = delaysOf(answer.confirmedAtMs ?? new Float64Array(), applied);
  return {
    value: quantile(delays, 0.99),
    cpuUs: endCpu(),
    pulseCount,
    details: {
      p50_ms: quantile(delays, 0.5),
      max_ms: quantile(delays, 1),
      published_per_second: pulseCount / answer.seconds,
    },
  };
}

interface Point {
  readonly atMs: number;
  readonly counted: number;
}

async function watchApplied(
  installation: Installation,
  { before, pulseCount, applied }: { before: number; pulseCount: number; applied: Point[] },
): Promise<void> {
  const deadlineMs = nowMs() + (pulseCount / PER_SECOND) * 1000 + SETTLE_TIMEOUT_MS;
  for (;;) {
    const counted = (await installation.readCounts()).counted - before;
    applied.push({ atMs: nowMs(), counted });
    if (counted >= pulseCount) return;
    if (nowMs() > deadlineMs) throw new Error(`Only ${counted} of ${pulseCount} were applied.`);
    await sleep(POLL_MS);
  }
}

/** The queue keeps the order, so the k-th confirmed pulse is applied once k are. Negative: applied before its confirm. */
function delaysOf(confirmedAtMs: Float64Array, applied: readonly Point[]): Float64Array {
  const sorted = Float64Array.from(confirmedAtMs).sort();
  let at = 0;
  return sorted.map((confirmed, index) => {
    while ((applied[at]?.counted ?? Infinity) <= index) at += 1;
    return Math.max(0, (applied[at]?.atMs ?? confirmed) - confirmed);
  });
}

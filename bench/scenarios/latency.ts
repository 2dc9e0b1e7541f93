import { sleep } from '../../src/platform/backoff.ts';
import { readHeld } from '../../src/usage/read-held.ts';
import { newTraffic } from '../backlog.ts';
import { startChild, type BenchChild } from '../child-process.ts';
import { nowMs } from '../clock.ts';
import { watchCpu } from '../cpu.ts';
import { createInstallation, type Installation } from '../installation.ts';
import type { PublishAnswer, PublishOrder } from '../processes/publish.ts';
import type { PulseProcess } from '../pulse-process.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';
import { quantile } from '../statistics.ts';
import { createExpectedSums, keyNames, type ExpectedSums } from '../traffic.ts';
import { verifySums } from '../verify-sums.ts';

const PER_SECOND = 10_000;
const WINDOW = 10_000;
const POLL_MS = 5;
const SETTLE_TIMEOUT_MS = 30_000;
const SENTINEL_EVERY = 100;
const SHAPE = {
  keyCount: 20_000,
  distribution: 'uniform',
  sentinelEvery: SENTINEL_EVERY,
} as const;
const SENTINELS = { tenants: [keyNames(SHAPE.keyCount).tenant] };

/**
 * How old the answer of `GET /usage` is in everyday traffic: from the broker's confirm of a pulse until the live sums
 * that a query reads contain it.
 *
 * One pulse in a hundred is of a tenant of its own, with one sum. `readHeld`, with which the API reads what it adds to
 * the rows of Postgres, asks for that tenant every few milliseconds: two calls, of the books and of one field, so that
 * Redis has little more to do. There is no flush, so the sum's count of pulses is what `GET /usage` answers at that
 * moment, apart from the time for HTTP and Postgres. The books' counter is not asked, because it need not change at
 * the moment at which the sums do.
 */
export const latency: Scenario = {
  name: 'latency',
  measured: 'p99 from confirm to visible in a live query at 10,000 pulses/s',
  against: '',
  unit: 'ms',
  judgement: 'value at most',
  mustReach: 250,
  aim: 100,
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const { queue } = installation;
    const child: BenchChild<PublishOrder> = startChild('publish');
    const { rabbitmqUrl: url } = context.servers;
    await child.ask({ kind: 'open', url, exchange: queue, publisher: 'pulse', window: WINDOW });
    const worker = await installation.startWorker();
    const expected = createExpectedSums(SHAPE.keyCount + 1);
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
  const before = await readVisible(installation);
  const endCpu = watchCpu({ ...context.servers.cpuRoots, node: worker.pid });
  const sentinelCount = pulseCount / SENTINEL_EVERY;
  const watching = watchVisible(installation, before + sentinelCount);
  const answer = (await child.ask({
    kind: 'publish',
    traffic,
    perSecond: PER_SECOND,
  })) as PublishAnswer;
  const readings = await watching;
  const cpuUs = endCpu();
  const confirmedAtMs = (answer.confirmedAtMs ?? new Float64Array()).filter(
    (_, index) => index % SENTINEL_EVERY === SENTINEL_EVERY - 1,
  );
  const delays = delaysOf(confirmedAtMs, readings, before);
  return {
    value: quantile(delays, 0.99),
    cpuUs,
    pulseCount,
    details: {
      p50_ms: quantile(delays, 0.5),
      max_ms: quantile(delays, 1),
      // A large share: the publisher saw its confirms late, because the machine was busy.
      visible_before_confirm: delays.filter((delay) => delay === 0).length / delays.length,
      published_per_second: pulseCount / answer.seconds,
      queries: readings.length,
      query_p50_ms: quantile(
        readings.map(({ startedAtMs, atMs }) => atMs - startedAtMs),
        0.5,
      ),
    },
  };
}

/** One live query. */
interface Reading {
  readonly startedAtMs: number;
  readonly atMs: number;
  readonly visible: number;
}

async function watchVisible(installation: Installation, wanted: number): Promise<Reading[]> {
  const readings: Reading[] = [];
  let movedAtMs = nowMs();
  for (;;) {
    const startedAtMs = nowMs();
    const visible = await readVisible(installation);
    readings.push({ startedAtMs, atMs: nowMs(), visible });
    if (visible >= wanted) return readings;
    if (visible !== readings.at(-2)?.visible) movedAtMs = nowMs();
    if (nowMs() - movedAtMs > SETTLE_TIMEOUT_MS) {
      throw new Error(`A live query finds only ${visible} of ${wanted} pulses.`);
    }
    await sleep(POLL_MS);
  }
}

/** The pulses of the sentinel tenant that a live query finds. */
async function readVisible({ accumulator }: Installation): Promise<number> {
  const { batches } = await readHeld(accumulator, SENTINELS);
  return batches
    .flatMap(({ rows }) => rows ?? [])
    .reduce((sum, { pulseCount }) => sum + pulseCount, 0);
}

/** The queue keeps the order, so the k-th confirmed pulse is visible once k are. */
function delaysOf(
  confirmedAtMs: Float64Array,
  readings: readonly Reading[],
  before: number,
): Float64Array {
  let at = 0;
  return confirmedAtMs.sort().map((confirmed, index) => {
    while ((readings[at]?.visible ?? Infinity) - before <= index) at += 1;
    // Negative: visible before its confirm.
    return Math.max(0, (readings[at]?.atMs ?? Infinity) - confirmed);
  });
}

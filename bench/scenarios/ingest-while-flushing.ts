import { sleep } from '../../src/platform/backoff.ts';
import { flushAll } from '../../src/flush/flush.ts';
import { newTraffic, openFiller, type Filler } from '../backlog.ts';
import { nowMs } from '../clock.ts';
import { watchCpu } from '../cpu.ts';
import { fillHeld, openProductSide, waitUntilCounted, type IngestSide } from '../ingest-sides.ts';
import { createInstallation, type Installation } from '../installation.ts';
import type { BenchContext, Measured, OpenedScenario, Round, Scenario } from '../scenario.ts';
import { seedSums } from '../seed-sums.ts';
import { median } from '../statistics.ts';
import { verifyBalance } from '../verify-sums.ts';

const KEY_COUNT = 20_000;
/** Ingest has reached full speed when the flush starts. */
const FLUSH_AFTER_MS = 500;
/** More than a fast machine counts until the flush starts. */
const WARM_UP_PULSES = 150_000;
const PAUSE_MAX_SECONDS = 1;

/** What users notice of the hourly flush: how much it slows ingest down, and whether ingest ever stops. */
export const ingestWhileFlushing: Scenario = {
  name: 'ingest-while-flushing',
  measured: 'pulses/s during a flush of 500,000 rows',
  against: 'the same without the flush',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 0.6,
  aim: 0.85,
  conditions: (rounds: readonly Round[]) => {
    const value = median(rounds.map(({ product }) => product.details?.longest_pause_seconds ?? 0));
    const passed = value < PAUSE_MAX_SECONDS;
    return [{ name: 'longest_pause_seconds', value, atMost: PAUSE_MAX_SECONDS, passed }];
  },
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const filler = await openFiller(context, installation.queue);
    const side = await openProductSide(installation);
    const parts = { context, installation, filler, side };
    const sizes = context.quick
      ? { pulseCount: 200_000, rowCount: 200_000 }
      : { pulseCount: 400_000, rowCount: 500_000 };
    const totals = { pulseCount: 0 };
    let warming = false;
    const run = async (rowCount: number): Promise<Measured> => {
      const pulseCount = warming ? WARM_UP_PULSES : sizes.pulseCount;
      totals.pulseCount += pulseCount + rowCount;
      return await measure(parts, { pulseCount, rowCount });
    };
    return {
      prepare(warmUp) {
        warming = warmUp;
        return Promise.resolve();
      },
      product: () => run(warming ? 200_000 : sizes.rowCount),
      reference: () => run(0),
      async verify() {
        const { accumulator, pool } = installation;
        await flushAll({ accumulator, pool, logger: context.logger });
        await verifyBalance(installation, totals.pulseCount);
      },
      async close() {
        await Promise.all([filler.close(), side.close()]);
        await installation.close();
      },
    };
  },
};

interface Parts {
  readonly context: BenchContext;
  readonly installation: Installation;
  readonly filler: Filler;
  readonly side: IngestSide;
}

/** One backlog. With rows, a flush of them starts shortly after ingest, and the rate is measured during that flush. */
async function measure(
  { context, installation, filler, side }: Parts,
  { pulseCount, rowCount }: { pulseCount: number; rowCount: number },
): Promise<Measured> {
  const { accumulator, pool } = installation;
  const { logger, servers } = context;
  const shape = { keyCount: KEY_COUNT, distribution: 'uniform' } as const;
  await flushAll({ accumulator, pool, logger });
  await seedSums(installation, { keyCount: rowCount, timeMs: Date.parse(context.timestamp) });
  const backlog = await fillHeld(side, filler, newTraffic(context, shape, pulseCount));
  await servers.rest();
  const points: [atMs: number, counted: number][] = [];
  const before = (await installation.readCounts()).counted;
  const endCpu = watchCpu({ ...servers.cpuRoots, node: side.pids });
  const released = side.release(backlog);
  const watched = waitUntilCounted(installation, before + pulseCount, (counted) => {
    points.push([nowMs(), counted]);
  });
  await sleep(FLUSH_AFTER_MS);
  const startedAtMs = nowMs();
  if (rowCount > 0) await flushAll({ accumulator, pool, logger });
  const flushSeconds = (nowMs() - startedAtMs) / 1000;
  await Promise.all([released, watched]);
  const cpuUs = endCpu();
  const endedAtMs = rowCount > 0 ? startedAtMs + flushSeconds * 1000 : Infinity;
  const during = points.filter(([atMs]) => atMs >= startedAtMs && atMs <= endedAtMs);
  return {
    ...rateOf(during),
    cpuUs,
    pulseCount,
    details: { flush_seconds: flushSeconds, longest_pause_seconds: longestPauseSeconds(during) },
  };
}

function rateOf(points: readonly (readonly [number, number])[]): { value: number } {
  // The time after the last pulse does not count as slowness.
  const last = points.find(([, counted]) => counted === points.at(-1)?.[1]);
  const [first] = points;
  if (first === undefined || last === undefined || last[0] === first[0]) {
    throw new Error('Nothing was counted in the measured time.');
  }
  return { value: ((last[1] - first[1]) / (last[0] - first[0])) * 1000 };
}

/** The longest time without a change of the count, except at the end of the backlog. */
function longestPauseSeconds(points: readonly (readonly [number, number])[]): number {
  let longestMs = 0;
  let [moved] = points;
  for (const point of points) {
    if (moved === undefined || point[1] === moved[1]) continue;
    longestMs = Math.max(longestMs, point[0] - moved[0]);
    moved = point;
  }
  return longestMs / 1000;
}

import { newTraffic, openFiller } from '../backlog.ts';
import { residentMib, watchCpu } from '../cpu.ts';
import { fillHeld, openProductSide, type Backlog, type IngestSide } from '../ingest-sides.ts';
import { createInstallation } from '../installation.ts';
import type { BenchContext, Measured, OpenedScenario, Round, Scenario } from '../scenario.ts';
import { median } from '../statistics.ts';
import { createExpectedSums } from '../traffic.ts';
import { verifySums } from '../verify-sums.ts';

const SAMPLE_MS = 100;
/** Garbage collection alone changes the figure by this much; a leak of 8 bytes per pulse would show. */
const GROWTH_MIB_MAX = 8;
/** What the worker may remember of each id. Between the two quarters that are compared, it has added 5 of 8 of them. */
const ID_BYTES_MAX = 20;
const SHARE_BETWEEN = 5 / 8;
const SHAPE = { keyCount: 20_000, distribution: 'uniform' } as const;

/** One worker and what it drains. */
interface Drain {
  readonly side: IngestSide;
  readonly backlog: Backlog;
  verify(): Promise<void>;
  close(): Promise<void>;
}

/** A worker's memory depends on its settings, never on the backlog. Each round has another worker, that remembers no id. */
export const memory: Scenario = {
  name: 'memory',
  measured: 'largest resident memory of a worker that drains 1,000,000 pulses',
  against: '',
  unit: 'MiB',
  judgement: 'value at most',
  mustReach: 250,
  aim: 200,
  conditions: (rounds: readonly Round[]) => {
    const value = median(rounds.map(({ product }) => product.details?.growth_mib ?? 0));
    const passed = value <= GROWTH_MIB_MAX;
    return [{ name: 'growth_mib_per_backlog, without ids', value, atMost: GROWTH_MIB_MAX, passed }];
  },
  open: (context): Promise<OpenedScenario> => {
    let drain: Drain | undefined;
    const end = async () => {
      await drain?.close();
      drain = undefined;
    };
    return Promise.resolve({
      async prepare(warmUp) {
        await end();
        drain = await openDrain(context, warmUp || context.quick ? 100_000 : 1_000_000);
      },
      async product() {
        if (drain === undefined) throw new Error('There is no worker.');
        const measured = await measure(context, drain);
        await drain.verify();
        return measured;
      },
      verify: () => Promise.resolve(),
      close: end,
    });
  },
};

async function openDrain(context: BenchContext, pulseCount: number): Promise<Drain> {
  const installation = await createInstallation(context);
  const filler = await openFiller(context, installation.queue);
  const side = await openProductSide(installation);
  const traffic = newTraffic(context, SHAPE, pulseCount);
  const backlog = await fillHeld(side, filler, traffic);
  const expected = createExpectedSums(SHAPE.keyCount);
  expected.add(traffic);
  return {
    side,
    backlog,
    verify: () => verifySums(context, installation, expected),
    async close() {
      await Promise.all([filler.close(), side.close()]);
      await installation.close();
    },
  };
}

async function measure(context: BenchContext, { side, backlog }: Drain): Promise<Measured> {
  await context.servers.rest();
  const samples: number[] = [];
  const [pid = 0] = side.pids;
  const sample = () => samples.push(residentMib(pid));
  const timer = setInterval(sample, SAMPLE_MS);
  const endCpu = watchCpu({ ...context.servers.cpuRoots, node: side.pids });
  try {
    await side.release(backlog);
  } finally {
    clearInterval(timer);
  }
  sample();
  return {
    value: Math.max(...samples),
    cpuUs: endCpu(),
    pulseCount: backlog.pulseCount,
    details: {
      growth_mib: growthOf(samples) - idsMib(backlog.pulseCount),
      median_mib: median(samples),
    },
  };
}

function idsMib(pulseCount: number): number {
  return (SHARE_BETWEEN * ID_BYTES_MAX * pulseCount) / 2 ** 20;
}

/** Growth from the second quarter of the time to the last; the first quarter is start-up. */
function growthOf(samples: readonly number[]): number {
  const quarter = Math.floor(samples.length / 4);
  if (quarter === 0) return 0;
  return median(samples.slice(-quarter)) - median(samples.slice(quarter, 2 * quarter));
}

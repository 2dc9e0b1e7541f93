import { availableParallelism } from 'node:os';
import { startBenchApi } from '../api-process.ts';
import { newTraffic, openFiller, type Filler } from '../backlog.ts';
import { nowMs } from '../clock.ts';
import { treeCpuUs } from '../cpu.ts';
import type { HttpConnection } from '../http-connection.ts';
import { fillHeld, measureSide, openProductSide, type IngestSide } from '../ingest-sides.ts';
import { createInstallation } from '../installation.ts';
import {
  addOffer,
  countOrders,
  openCallers,
  postOrders,
  startHandlers,
  untilCompleted,
} from '../orders-traffic.ts';
import type { PulseProcess } from '../pulse-process.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';

const CONCURRENCY = 4;
const KEY_COUNT = 20_000;

/** Whether orders cost ingest more than the CPU time that they use. */
export const ingestWhileOrdering: Scenario = {
  name: 'ingest-while-ordering',
  measured: `pulses/s while ${CONCURRENCY} callers order as fast as they are answered`,
  against: 'the same without orders, times the share of CPU that orders leave',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 0.9,
  aim: 1,
  ratioOf: (product, reference) =>
    product.value / (reference.value * (1 - (product.details?.orders_cpu_share ?? 0))),
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    await addOffer(installation.pool);
    const filler = await openFiller(context, installation.queue);
    const side = await openProductSide(installation);
    const { api, connect, http } = await startBenchApi(context, installation);
    http.close();
    const handlers = await startHandlers(context, installation);
    const parts = { context, filler, side, connect, chain: [api, ...handlers] };
    let pulseCount = 0;
    let ordered = 0;
    return {
      prepare(warmUp) {
        pulseCount = context.quick || warmUp ? 60_000 : 400_000;
        return Promise.resolve();
      },
      async product() {
        const measured = await measure(parts, pulseCount, { ordering: true });
        ordered += measured.details?.orders ?? 0;
        await untilCompleted(installation.pool, ordered);
        return measured;
      },
      reference: () => measure(parts, pulseCount, { ordering: false }),
      async verify() {
        const completed = await countOrders(installation.pool, 'completed');
        if (completed !== ordered) throw new Error(`${completed} of ${ordered} are completed.`);
      },
      async close() {
        await Promise.all([filler.close(), side.close()]);
        await Promise.all([...handlers, api].map((process) => process.close()));
        await installation.close();
      },
    };
  },
};

interface Parts {
  readonly context: BenchContext;
  readonly filler: Filler;
  readonly side: IngestSide;
  readonly connect: () => Promise<HttpConnection>;
  /** The processes that only orders use. All of Postgres counts too, because ingest does not write to it. */
  readonly chain: readonly PulseProcess[];
}

/** One backlog, with or without orders at the same time. */
async function measure(
  { context, filler, side, connect, chain }: Parts,
  pulseCount: number,
  { ordering }: { readonly ordering: boolean },
): Promise<Measured> {
  const shape = { keyCount: KEY_COUNT, distribution: 'uniform' } as const;
  const backlog = await fillHeld(side, filler, newTraffic(context, shape, pulseCount));
  const connections = await openCallers(connect, CONCURRENCY);
  let isOver = !ordering;
  const roots = [...chain.map(({ pid }) => pid), context.servers.cpuRoots.postgres ?? 0];
  const cpuUs = () => roots.reduce((sum, pid) => sum + treeCpuUs(pid), 0);
  const before = { cpuUs: cpuUs(), atMs: nowMs() };
  const posting = postOrders(connections, () => isOver);
  const measured = await measureSide(context, side, backlog);
  const availableUs = (nowMs() - before.atMs) * 1000 * availableParallelism();
  const share = ordering ? (cpuUs() - before.cpuUs) / availableUs : 0;
  isOver = true;
  const { ids } = await posting;
  const details = { ...measured.details, orders: ids.length, orders_cpu_share: share };
  return { ...measured, details };
}

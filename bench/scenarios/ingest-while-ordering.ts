import { availableParallelism } from 'node:os';
import { startBenchApi } from '../api-process.ts';
import { newTraffic, openFiller, type Filler } from '../backlog.ts';
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
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';

const CONCURRENCY = 4;
const KEY_COUNT = 20_000;
/** Where there is no /proc. */
const NO_CPU = { postgres: 0, rabbitmq: 0, other: 0 };

/** Whether orders cost ingest more than the CPU time that they use. */
export const ingestWhileOrdering: Scenario = {
  name: 'ingest-while-ordering',
  measured: `pulses/s while ${CONCURRENCY} callers order as fast as they are answered`,
  against: 'the same without orders, times the share of CPU that orders leave',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 0.9,
  aim: 1,
  ratioOf,
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    await addOffer(installation.pool);
    const filler = await openFiller(context, installation.queue);
    const side = await openProductSide(installation);
    const { api, connect } = await startBenchApi(context, installation);
    const handlers = await startHandlers(context, installation);
    const parts = { context, filler, side, connect };
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
}

/** One backlog, with or without orders at the same time. */
async function measure(
  { context, filler, side, connect }: Parts,
  pulseCount: number,
  { ordering }: { readonly ordering: boolean },
): Promise<Measured> {
  const shape = { keyCount: KEY_COUNT, distribution: 'uniform' } as const;
  const backlog = await fillHeld(side, filler, newTraffic(context, shape, pulseCount));
  const connections = await openCallers(connect, CONCURRENCY);
  let isOver = !ordering;
  const posting = postOrders(connections, () => isOver);
  const measured = await measureSide(context, side, backlog);
  isOver = true;
  const { ids } = await posting;
  return { ...measured, details: { ...measured.details, orders: ids.length } };
}

/** The rate of each side per share of CPU that it had: 1 when orders cost ingest no more than the CPU that they use. */
function ratioOf(product: Measured, reference: Measured): number {
  const shareOf = (side: Measured): number => 1 - takenUs(side, reference) / availableUs(side);
  return product.value / shareOf(product) / (reference.value / shareOf(reference));
}

/**
 * The CPU that others took: Postgres, to which ingest does not write, everything that is no server, and what RabbitMQ
 * used beyond the time that it takes for the pulses alone.
 */
function takenUs({ cpuUs, pulseCount = 0 }: Measured, alone: Measured): number {
  const rabbitmqUs = ((alone.cpuUs?.rabbitmq ?? 0) * pulseCount) / (alone.pulseCount ?? 1);
  const { postgres, rabbitmq, other } = cpuUs ?? NO_CPU;
  return postgres + other + Math.max(0, rabbitmq - rabbitmqUs);
}

function availableUs({ details }: Measured): number {
  return (details?.seconds ?? 0) * 1e6 * availableParallelism();
}

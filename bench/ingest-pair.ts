/** A scenario that drains two queues: one with Pulse, the other with its reference. */
import { declareTwin, newTraffic, openFiller, type TrafficShape } from './backlog.ts';
import {
  measureSide,
  messageCountOf,
  openDrainSide,
  openOriginalSide,
  openProductSide,
  type Backlog,
  type IngestSide,
} from './ingest-sides.ts';
import { createInstallation } from './installation.ts';
import type { BenchContext, OpenedScenario } from './scenario.ts';
import { createExpectedSums, type Traffic } from './traffic.ts';
import { verifySums } from './verify-sums.ts';

export interface IngestPairOptions {
  readonly shape: TrafficShape;
  readonly pulseCount: number;
  readonly reference: 'bare drain' | 'original design';
  /** The reference gets this many messages of one pulse each; without it, it gets the same messages as Pulse. */
  readonly referencePulseCount?: number;
}

const WARM_UP_PULSES = 40_000;

/** Opens both sides on separate queues; the same messages are routed to both wherever that is possible. */
export async function openIngestPair(
  context: BenchContext,
  options: IngestPairOptions,
): Promise<OpenedScenario> {
  const { shape, referencePulseCount } = options;
  const installation = await createInstallation(context);
  const { queue } = installation;
  const twin = `${queue}.twin`;
  await declareTwin(context, twin, referencePulseCount === undefined ? queue : undefined);
  const filler = await openFiller(context, queue);
  const twinFiller = await openFiller(context, twin);
  const sides = {
    product: await openProductSide(installation, context.workerCount),
    reference: await openReference(context, options, twin),
  };
  const expected = createExpectedSums(shape.keyCount);
  let backlogs: Record<keyof typeof sides, Backlog> | undefined;

  const prepare = async (warmUp: boolean): Promise<void> => {
    const traffic = newTraffic(context, shape, countOf(options.pulseCount, warmUp));
    const other =
      referencePulseCount === undefined
        ? traffic
        : newTraffic(
            context,
            { ...shape, pulsesPerMessage: 1 },
            countOf(referencePulseCount, warmUp),
          );
    await sides.product.hold(messageCountOf(traffic));
    await sides.reference.hold(messageCountOf(other));
    const product = toBacklog(traffic, await filler.fill(traffic));
    const reference = other === traffic ? product : toBacklog(other, await twinFiller.fill(other));
    backlogs = { product, reference };
    expected.add(traffic);
  };
  const measure = (name: keyof typeof sides) => {
    if (backlogs === undefined) throw new Error('Nothing is prepared.');
    return measureSide(context, sides[name], backlogs[name]);
  };
  return {
    prepare,
    product: () => measure('product'),
    reference: () => measure('reference'),
    verify: () => verifySums(context, installation, expected),
    async close() {
      await Promise.all([filler.close(), twinFiller.close(), sides.reference.close()]);
      await sides.product.close();
      await installation.close();
    },
  };
}

/** The original design's counters go to a separate Redis database on the same server. */
function openReference(
  context: BenchContext,
  { reference }: IngestPairOptions,
  queue: string,
): Promise<IngestSide> {
  if (reference === 'bare drain') return openDrainSide(context, queue);
  const redisUrl = `${context.servers.redisUrl}/${context.nextNumber()}`;
  return openOriginalSide(context, { queue, redisUrl });
}

function countOf(pulseCount: number, warmUp: boolean): number {
  return warmUp ? Math.min(pulseCount, WARM_UP_PULSES) : pulseCount;
}

function toBacklog(traffic: Traffic, bodyBytes: number): Backlog {
  return { pulseCount: traffic.pulseCount, messageCount: messageCountOf(traffic), bodyBytes };
}

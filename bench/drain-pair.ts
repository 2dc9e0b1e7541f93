/** A scenario that compares two installations of Pulse: each drains its own queue, right after the other. */
import { newTraffic, openFiller, type TrafficShape } from './backlog.ts';
import { fillHeld, measureSide, openProductSide, type Backlog } from './ingest-sides.ts';
import type { Installation } from './installation.ts';
import type { BenchContext, Measured, OpenedScenario } from './scenario.ts';
import type { ExpectedSums, Traffic } from './traffic.ts';
import { verifySums } from './verify-sums.ts';

/** One of the two installations. */
export interface DrainSide {
  /** Stops the workers and fills their queue. */
  prepare(pulseCount: number): Promise<void>;
  measure(): Promise<Measured>;
  /** @throws Error saying what is wrong. */
  verify(): Promise<void>;
  close(): Promise<void>;
}

const WARM_UP_PULSES = 40_000;

export function toDrainPair(
  { quick }: BenchContext,
  { product, reference }: { product: DrainSide; reference: DrainSide },
): OpenedScenario {
  return {
    async prepare(warmUp) {
      const pulseCount = warmUp || quick ? WARM_UP_PULSES : 300_000;
      await product.prepare(pulseCount);
      await reference.prepare(pulseCount);
    },
    product: () => product.measure(),
    reference: () => reference.measure(),
    async verify() {
      await product.verify();
      await reference.verify();
    },
    async close() {
      await product.close();
      await reference.close();
    },
  };
}

export interface TrafficSideOptions {
  readonly shape: TrafficShape;
  readonly onTraffic: (traffic: Traffic) => void;
  readonly verify: () => Promise<void>;
}

/** Workers, and a queue that is filled with the traffic of the benchmarks. Closes the installation in the end. */
export async function openTrafficSide(
  context: BenchContext,
  installation: Installation,
  { shape, onTraffic, verify }: TrafficSideOptions,
): Promise<DrainSide> {
  const filler = await openFiller(context, installation.queue);
  const side = await openProductSide(installation, context.workerCount);
  let backlog: Backlog = { pulseCount: 0, messageCount: 0, bodyBytes: 0 };
  return {
    async prepare(pulseCount) {
      const traffic = newTraffic(context, shape, pulseCount);
      backlog = await fillHeld(side, filler, traffic);
      onTraffic(traffic);
    },
    measure: () => measureSide(context, side, backlog),
    verify,
    async close() {
      await Promise.all([filler.close(), side.close()]);
      await installation.close();
    },
  };
}

/** The traffic of `ingest`. */
export const INGEST_SHAPE = { keyCount: 20_000, distribution: 'uniform' } as const;

/** The product of `ingest`, whose every sum is checked in the end. */
export function openIngestSide(
  context: BenchContext,
  installation: Installation,
  expected: ExpectedSums,
): Promise<DrainSide> {
  return openTrafficSide(context, installation, {
    shape: INGEST_SHAPE,
    onTraffic: (traffic) => {
      expected.add(traffic);
    },
    verify: () => verifySums(context, installation, expected),
  });
}

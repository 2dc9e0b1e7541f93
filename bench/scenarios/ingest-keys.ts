import { openTrafficSide, toDrainPair, type DrainSide } from '../drain-pair.ts';
import { createInstallation } from '../installation.ts';
import type { BenchContext, Scenario } from '../scenario.ts';
import { seedSums } from '../seed-sums.ts';
import { verifyBalance } from '../verify-sums.ts';

/** Whether the rate holds when an hour has many keys. All of them are in Redis before the clock starts. */
export const ingestKeys: Scenario = {
  name: 'ingest-keys',
  measured: 'one pulse a message, 1,000,000 keys',
  against: 'the same with 1,000 keys',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 0.75,
  aim: 0.9,
  open: async (context) =>
    toDrainPair(context, {
      product: await openSide(context, context.quick ? 100_000 : 1_000_000),
      reference: await openSide(context, 1_000),
    }),
};

async function openSide(context: BenchContext, keyCount: number): Promise<DrainSide> {
  const installation = await createInstallation(context);
  await seedSums(installation, { keyCount, timeMs: Date.parse(context.timestamp) });
  let sentCount = keyCount;
  return await openTrafficSide(context, installation, {
    shape: { keyCount, distribution: 'uniform' },
    onTraffic: ({ pulseCount }) => {
      sentCount += pulseCount;
    },
    async verify() {
      const { live } = await installation.accumulator.readBooks(0);
      if (live?.rowCount !== keyCount) {
        throw new Error(`${String(live?.rowCount)} keys are live, ${keyCount} were used.`);
      }
      await verifyBalance(installation, sentCount);
    },
  });
}

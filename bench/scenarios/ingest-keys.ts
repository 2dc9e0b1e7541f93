import { newTraffic, openFiller } from '../backlog.ts';
import { fillHeld, measureSide, openProductSide, type Backlog } from '../ingest-sides.ts';
import { createInstallation } from '../installation.ts';
import type { BenchContext, OpenedScenario, Scenario } from '../scenario.ts';
import { seedSums } from '../seed-sums.ts';
import { verifyBalance } from '../verify-sums.ts';

/** Whether the rate holds when an hour has many keys. All of them are in Redis before the clock starts. */
export const ingestKeys: Scenario = {
  name: 'ingest-keys',
  measured: 'one pulse a message, 1,000,000 keys',
  against: 'the same with 1,000 keys',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 0.7,
  aim: 0.9,
  open: async (context): Promise<OpenedScenario> => {
    const pulseCount = context.quick ? 40_000 : 300_000;
    const many = await openSide(context, context.quick ? 100_000 : 1_000_000);
    const few = await openSide(context, 1_000);
    const of = (warmUp: boolean) => (warmUp ? Math.min(pulseCount, 40_000) : pulseCount);
    return {
      prepare: async (warmUp) => {
        await many.prepare(of(warmUp));
        await few.prepare(of(warmUp));
      },
      product: many.measure,
      reference: few.measure,
      async verify() {
        await many.verify();
        await few.verify();
      },
      async close() {
        await many.close();
        await few.close();
      },
    };
  },
};

async function openSide(context: BenchContext, keyCount: number) {
  const installation = await createInstallation(context);
  await seedSums(installation, { keyCount, timeMs: Date.parse(context.timestamp) });
  const filler = await openFiller(context, installation.queue);
  const side = await openProductSide(installation, context.workerCount);
  let backlog: Backlog = { pulseCount: 0, messageCount: 0, bodyBytes: 0 };
  let sentCount = keyCount;
  return {
    async prepare(pulseCount: number) {
      const traffic = newTraffic(context, { keyCount, distribution: 'uniform' }, pulseCount);
      backlog = await fillHeld(side, filler, traffic);
      sentCount += pulseCount;
    },
    measure: () => measureSide(context, side, backlog),
    async verify() {
      const { live } = await installation.accumulator.readBooks(0);
      if (live?.rowCount !== keyCount) {
        throw new Error(`${String(live?.rowCount)} keys are live, ${keyCount} were used.`);
      }
      await verifyBalance(installation, sentCount);
    },
    async close() {
      await Promise.all([filler.close(), side.close()]);
      await installation.close();
    },
  };
}

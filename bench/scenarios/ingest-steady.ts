import { INGEST_SHAPE, openIngestSide, toDrainPair, type DrainSide } from '../drain-pair.ts';
import { createInstallation } from '../installation.ts';
import type { BenchContext, Measured, Scenario } from '../scenario.ts';
import { readOlderIds, seedOlderIds } from '../seed-ids.ts';
import { createExpectedSums } from '../traffic.ts';

/** An installation that has run for days: no id is new before it was looked for among all that are remembered. */
export const ingestSteady: Scenario = {
  name: 'ingest-steady',
  measured: 'as `ingest`, with 20,000,000 ids remembered in older generations',
  against: 'the same with no id remembered',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 0.95,
  aim: 1,
  open: async (context) =>
    toDrainPair(context, {
      product: await openSteadySide(context, context.quick ? 200_000 : 20_000_000),
      reference: await openIngestSide(
        context,
        await createInstallation(context),
        createExpectedSums(INGEST_SHAPE.keyCount),
      ),
    }),
};

async function openSteadySide(context: BenchContext, idCount: number): Promise<DrainSide> {
  const installation = await createInstallation(context);
  const expected = createExpectedSums(INGEST_SHAPE.keyCount);
  const seeded = await seedOlderIds(context, installation, { idCount, expected });
  const side = await openIngestSide(context, installation, expected);
  return {
    ...side,
    async measure(): Promise<Measured> {
      const measured = await side.measure();
      const older = await readOlderIds(installation);
      if (older.idCount !== seeded.idCount) {
        throw new Error(`Redis remembers ${older.idCount} older ids, not ${seeded.idCount}.`);
      }
      const { idCount: older_ids, generationCount: older_generations } = older;
      return { ...measured, details: { ...measured.details, older_ids, older_generations } };
    },
  };
}

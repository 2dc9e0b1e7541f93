import { randomUUID } from 'node:crypto';
import { parseAmount } from '../../src/core/amount.ts';
import { flushAll } from '../../src/flush/flush.ts';
import { generateMessages, type GeneratedMessage } from '../../src/populate/generate-messages.ts';
import type { PulseWriter } from '../../src/populate/pulse-writer.ts';
import { startPopulateRun } from '../../src/populate/populate.ts';
import { INGEST_SHAPE, openIngestSide, toDrainPair, type DrainSide } from '../drain-pair.ts';
import { measureSide, openProductSide, type Backlog } from '../ingest-sides.ts';
import { createInstallation, type Installation } from '../installation.ts';
import type { BenchContext, Scenario } from '../scenario.ts';
import { createExpectedSums } from '../traffic.ts';
import { verifyBalance } from '../verify-sums.ts';

/**
 * Traffic that was not made for the benchmarks: what a populate run sends, with ids in the body or in the AMQP message,
 * names in UTF-8, amounts with up to nine decimals, and pulses of the last hour in every order.
 */
export const ingestPopulate: Scenario = {
  name: 'ingest-populate',
  measured: 'what `populate` sends, one pulse a message',
  against: 'the traffic of `ingest`',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 0.8,
  aim: 0.95,
  open: async (context) =>
    toDrainPair(context, {
      product: await openPopulateSide(context),
      reference: await openIngestSide(
        context,
        await createInstallation(context),
        createExpectedSums(INGEST_SHAPE.keyCount),
      ),
    }),
};

/** In units of 10⁻⁹. */
type TenantSums = Map<string, bigint>;

async function openPopulateSide(context: BenchContext): Promise<DrainSide> {
  const installation = await createInstallation(context);
  const side = await openProductSide(installation, context.workerCount);
  const sums: TenantSums = new Map();
  let backlog: Backlog = { pulseCount: 0, messageCount: 0, bodyBytes: 0 };
  let sentCount = 0;
  return {
    async prepare(pulseCount) {
      await side.hold(pulseCount);
      await fill(context, installation, notedMessages(pulseCount, sums), pulseCount);
      backlog = { pulseCount, messageCount: pulseCount, bodyBytes: 0 };
      sentCount += pulseCount;
    },
    measure: () => measureSide(context, side, backlog),
    verify: () => verify(context, installation, { sums, sentCount }),
    async close() {
      await side.close();
      await installation.close();
    },
  };
}

function notedMessages(count: number, sums: TenantSums): Iterable<GeneratedMessage> {
  const onPulse = ({ tenant, amount }: PulseWriter): void => {
    const parsed = parseAmount(amount);
    if (typeof parsed === 'string') throw new Error(`${amount} is ${parsed}.`);
    const nano = BigInt(parsed.whole) * 1_000_000_000n + BigInt(parsed.nano);
    sums.set(tenant, (sums.get(tenant) ?? 0n) + nano);
  };
  return generateMessages({
    ...{ runId: randomUUID(), nowMs: Date.now(), count, pulsesPerMessage: 1, onPulse },
  });
}

async function fill(
  { servers, logger }: BenchContext,
  { queue }: Installation,
  pulses: Iterable<GeneratedMessage>,
  total: number,
): Promise<void> {
  const run = startPopulateRun(
    { url: servers.rabbitmqUrl, queue, logger, pulses },
    { total, workers: 2, buffer: 1_000, pulsesPerMessage: 1 },
  );
  const { confirmed, error } = await run.done;
  if (confirmed !== total) throw new Error(`${confirmed} of ${total} were confirmed: ${error}`);
}

/** @throws Error unless Postgres has every tenant's sum. */
async function verify(
  { logger }: BenchContext,
  { accumulator, pool }: Installation,
  { sums, sentCount }: { sums: TenantSums; sentCount: number },
): Promise<void> {
  await flushAll({ accumulator, pool, logger });
  const { rows } = await pool.query<{ tenant: string; nano: string }>(
    `SELECT tenant, trim_scale(sum(used_amount) * 1000000000)::text AS nano
     FROM pulses GROUP BY tenant`,
  );
  const wrong = rows.find(({ tenant, nano }) => sums.get(tenant) !== BigInt(nano));
  if (wrong !== undefined || rows.length !== sums.size) {
    throw new Error(
      `Postgres has ${rows.length} tenants, ${sums.size} were sent; wrong: ${JSON.stringify(wrong)}`,
    );
  }
  await verifyBalance({ accumulator, pool }, sentCount);
}

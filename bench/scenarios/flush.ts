import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { HOUR_SECONDS, windowStartSec } from '../../src/core/window.ts';
import { toSumField, toSumValue } from '../../src/aggregate/sum-field.ts';
import { flushAll } from '../../src/flush/flush.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { watchCpu } from '../cpu.ts';
import { createInstallation, type Installation } from '../installation.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';
import { seedSums } from '../seed-sums.ts';
import { keyNames } from '../traffic.ts';

const CHUNK_BYTES = 64 * 1024;
/** As anyone would write it: the table gives the ids. */
const COPY_SQL = `COPY pulses
  (tenant, product_sku, use_unity, window_start, pulse_count, used_amount, flush_batch_id) FROM STDIN`;
const BATCH_ID = '00000000-0000-4000-8000-000000000000';

/** From the seal until COMMIT is answered. */
export const flush: Scenario = {
  name: 'flush',
  measured: 'from the sealed hash to committed, 500,000 rows',
  against: 'COPY of the same rows from memory into the same table',
  unit: 'rows/s',
  judgement: 'ratio at least',
  mustReach: 0.75,
  aim: 0.9,
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const rowCountFull = context.quick ? 50_000 : 500_000;
    const timeMs = Date.parse(context.timestamp);
    let rowCount = 0;
    let chunks: readonly Buffer[] = [];
    return {
      async prepare(warmUp) {
        rowCount = warmUp ? 20_000 : rowCountFull;
        await seedSums(installation, { keyCount: rowCount, timeMs });
        chunks = encodeRows(rowCount, timeMs);
        const second = timeMs / 1000;
        await installation.pool.query(
          'SELECT ensure_pulses_partitions(to_timestamp($1), to_timestamp($1))',
          [second],
        );
      },
      product: () =>
        measure(context, installation, rowCount, () => flushOnce(context, installation)),
      reference: () =>
        measure(context, installation, rowCount, () => copyOnce(installation, chunks)),
      // Each round was checked in itself, and its rows are gone.
      verify: () => Promise.resolve(),
      close: () => installation.close(),
    };
  },
};

/** Both sides start with an empty table after a checkpoint, and must leave exactly the seeded sums. */
async function measure(
  context: BenchContext,
  { pool }: Installation,
  rowCount: number,
  work: () => Promise<number>,
): Promise<Measured> {
  await pool.query('TRUNCATE pulses, flush_batches');
  await pool.query('CHECKPOINT');
  await context.servers.rest();
  const endCpu = watchCpu({ ...context.servers.cpuRoots, node: process.pid });
  const seconds = await work();
  const cpuUs = endCpu();
  const { rows } = await pool.query<{ count: string; pulses: string; amount: string }>(
    `SELECT count(*)::text AS count, sum(pulse_count)::text AS pulses,
            trim_scale(sum(used_amount) * 1000)::text AS amount FROM pulses`,
  );
  const [found] = rows;
  const isRight =
    found?.count === String(rowCount) &&
    found.pulses === String(rowCount) &&
    found.amount === String(rowCount * 1001);
  if (!isRight) throw new Error(`Postgres has ${JSON.stringify(found)} for ${rowCount} rows.`);
  return { value: rowCount / seconds, cpuUs, pulseCount: rowCount, details: { seconds } };
}

async function flushOnce({ logger }: BenchContext, { accumulator, pool }: Installation) {
  const atMs: Record<string, number> = {};
  await flushAll({
    accumulator,
    pool,
    logger,
    onStep(step) {
      atMs[step] = performance.now();
    },
  });
  const { sealed = 0, committed = 0 } = atMs;
  return (committed - sealed) / 1000;
}

/** Like psql: one transaction with one COPY, in pieces of 64 KiB. */
async function copyOnce({ pool }: Installation, chunks: readonly Buffer[]): Promise<number> {
  const startedMs = performance.now();
  await withTransaction(pool, async (client) => {
    await pipeline(Readable.from(chunks), client.query(copyFrom(COPY_SQL)));
  });
  return (performance.now() - startedMs) / 1000;
}

function encodeRows(rowCount: number, timeMs: number): Buffer[] {
  const windowStart = windowStartSec(timeMs, HOUR_SECONDS);
  const value = toSumValue(1, { high: 0, whole: 1, nano: 1_000_000 });
  const chunks: Buffer[] = [];
  let text = '';
  for (let index = 0; index < rowCount; index++) {
    const field = toSumField({ ...keyNames(index), windowStartSec: windowStart });
    text += `${field}\t${value}\t${BATCH_ID}\n`;
    if (text.length < CHUNK_BYTES && index < rowCount - 1) continue;
    chunks.push(Buffer.from(text));
    text = '';
  }
  return chunks;
}

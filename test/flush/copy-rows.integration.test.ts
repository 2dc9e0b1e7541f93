import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AggregateRow } from '../../src/aggregate/accumulator.ts';
import { toSumField, toSumValue } from '../../src/aggregate/sum-field.ts';
import { copyRows } from '../../src/flush/copy-rows.ts';
import { createPool, withTransaction } from '../../src/platform/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { toChunk } from '../support/sum-texts.ts';

const WINDOW_SEC = Date.UTC(2024, 2, 5, 10) / 1000;
let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  pool = createPool(services.databaseUrl, { name: 'copy test', logger: pino({ level: 'silent' }) });
  await pool.query('SELECT ensure_pulses_partitions(to_timestamp($1), to_timestamp($1))', [
    WINDOW_SEC,
  ]);
});
afterAll(async () => {
  await pool.end();
  await services.close();
});

async function* textsOf(chunks: AsyncIterable<AggregateRow[]> | Iterable<AggregateRow[]>) {
  for await (const rows of chunks) {
    yield toChunk(rows.flatMap((row) => [toSumField(row), toSumValue(row.pulseCount, row.amount)]));
  }
}

async function copyBatch(
  chunks: AsyncIterable<AggregateRow[]> | Iterable<AggregateRow[]>,
  deduplicate = false,
) {
  const batchId = randomUUID();
  const idCount = 1_000_000;
  const counts = await withTransaction(pool, async (client) => {
    const { rows } = await client.query<{ first: string }>('SELECT take_pulse_ids($1) AS first', [
      idCount,
    ]);
    return copyRows(client, Readable.from(textsOf(chunks), { highWaterMark: 1 }), {
      batchId,
      firstId: Number(rows[0]?.first),
      idCount,
      timeoutMs: 60_000,
      deduplicate,
    });
  });
  const { rows } = await pool.query<Record<string, string>>(
    `SELECT tenant, product_sku, use_unity, used_amount, pulse_count,
            extract(epoch FROM window_start)::bigint AS window_start
     FROM pulses WHERE flush_batch_id = $1 ORDER BY id`,
    [batchId],
  );
  return { counts, rows };
}

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom('\\', '\\N', '\\.', '\\x41', '\\t', '"', '😀', '\u2028'),
      fc.string({ unit: 'grapheme', minLength: 1 }),
    ),
    { minLength: 1, maxLength: 5 },
  )
  // The names of a key contain no control characters.
  .map((parts) => parts.join('').replace(/\p{Cc}/gu, ' '));

const row: fc.Arbitrary<AggregateRow> = fc.record({
  tenant: text,
  sku: text,
  unit: text,
  windowStartSec: fc.constant(WINDOW_SEC),
  amount: fc.record({
    high: fc.integer({ min: 0, max: 9_222 }),
    whole: fc.integer({ min: 0, max: 999_999_999_999_999 }),
    nano: fc.integer({ min: 1, max: 999_999_999 }),
  }),
  pulseCount: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
});

test('any text and any amount arrive in Postgres unchanged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 50 }), async (sent) => {
      const { counts, rows } = await copyBatch([sent]);
      expect(counts).toMatchObject({
        rowCount: sent.length,
        pulseCount: sent.reduce((sum, { pulseCount }) => sum + BigInt(pulseCount), 0n),
      });
      expect(rows).toEqual(
        sent.map(({ tenant, sku, unit, amount, pulseCount }) => ({
          tenant,
          product_sku: sku,
          use_unity: unit,
          used_amount: `${String(BigInt(amount.high) * 10n ** 15n + BigInt(amount.whole))}.${String(amount.nano).padStart(9, '0')}`,
          pulse_count: String(pulseCount),
          window_start: String(WINDOW_SEC),
        })),
      );
    }),
    { numRuns: 60 },
  );
});

function plainRow(index: number): AggregateRow {
  return {
    tenant: `tenant-${index}`,
    sku: 'sku',
    unit: 'GB',
    windowStartSec: WINDOW_SEC,
    amount: { high: 0, whole: index, nano: 1 },
    pulseCount: 2,
  };
}

test('a repeated row is dropped if requested, also across chunks', async () => {
  const chunk = [plainRow(1), plainRow(2)];
  const { counts } = await copyBatch([chunk, chunk, [plainRow(3), plainRow(3)]], true);
  expect(counts).toMatchObject({ rowCount: 3, pulseCount: 6n, amount: '6.000000003' });
});

test('the scan waits when Postgres is slower, so that memory stays constant', async () => {
  const chunkCount = 200;
  let pulled = 0;
  const chunks = (function* () {
    for (let index = 0; index < chunkCount; index++) {
      pulled += 1;
      // Each chunk encodes to about 100 kB.
      yield Array.from({ length: 1_000 }, (_, at) => plainRow(index * 1_000 + at));
    }
  })();
  const locker = await pool.connect();
  await locker.query('BEGIN');
  await locker.query('LOCK TABLE pulses IN ACCESS EXCLUSIVE MODE');
  const copying = copyBatch(chunks);
  await eventually(async () => {
    const waiting = await pool.query(
      `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'COPY%'`,
    );
    return waiting.rowCount;
  }).toBe(1);
  // COPY cannot start. The scan must not run ahead, whatever the event loop does.
  for (let turn = 0; turn < 1_000; turn++) await setImmediate();
  const pulledWhileBlocked = pulled;
  await locker.query('COMMIT');
  locker.release();
  const { counts } = await copying;
  expect(counts.rowCount).toBe(chunkCount * 1_000);
  expect(pulledWhileBlocked).toBeLessThan(20);
});

test('the caller gets an error of the scan, and nothing is written', async () => {
  const failing = (async function* () {
    yield [plainRow(1)];
    await Promise.resolve();
    throw new Error('scan failed');
  })();
  await expect(copyBatch(failing)).rejects.toThrow('scan failed');
  const { rows } = await pool.query("SELECT FROM pulses WHERE tenant = 'tenant-1' AND id < 0");
  expect(rows).toEqual([]);
  expect((await copyBatch([[plainRow(9)]])).rows).toHaveLength(1);
});

test("a row that Postgres refuses fails the batch with Postgres' error", async () => {
  const refused = { ...plainRow(1), tenant: 'a\0b' };
  await expect(copyBatch([[refused]])).rejects.toMatchObject({ code: '22021' });
});

/** Flushes whose transaction is still open. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Pool, PoolClient } from 'pg';
import type { SealedBatch } from '../../src/aggregate/accumulator.ts';
import { toSumField } from '../../src/aggregate/sum-field.ts';
import { copyRows } from '../../src/flush/copy-rows.ts';
import { recordBatch, recordBlocks } from '../../src/flush/ledger.ts';
import { toChunk } from '../support/sum-texts.ts';
import { insertBatch, type TestRow } from './rows-fixture.ts';

/** The flush of versions whose rows each take their own id. */
export async function openFlush(pool: Pool, rows: readonly TestRow[]): Promise<PoolClient> {
  const client = await pool.connect();
  await client.query('BEGIN');
  await insertBatch(client as unknown as Pool, rows);
  return client;
}

export async function end(
  client: PoolClient,
  how: 'COMMIT' | 'ROLLBACK' = 'COMMIT',
): Promise<void> {
  await client.query(how);
  client.release();
}

/** The flush of this version, which takes its ids at once. */
export async function openFlushInOneBlock(
  pool: Pool,
  rows: readonly TestRow[],
): Promise<PoolClient> {
  const client = await pool.connect();
  await client.query('BEGIN');
  const windows = rows.map(({ windowStart }) => Date.parse(windowStart ?? '') / 1000);
  const batch: SealedBatch = {
    batchId: randomUUID(),
    shard: 0,
    rowCount: rows.length,
    pulseCount: BigInt(rows.length),
    amount: String(rows.length),
    windowMinSec: Math.min(...windows),
    windowMaxSec: Math.max(...windows),
    openedAtSec: 0,
  };
  const texts = rows.flatMap(({ tenant = '' }, index) => [
    toSumField({ tenant, sku: 's', unit: 'GB', windowStartSec: windows[index]! }),
    '1\t1',
  ]);
  const firstId = await recordBatch(client, batch);
  if (typeof firstId !== 'number') throw new Error('The batch is new.');
  const { blocks } = await copyRows(client, Readable.from([toChunk(texts)]), {
    batchId: batch.batchId,
    firstId,
    idCount: batch.rowCount,
    timeoutMs: 10_000,
    deduplicate: false,
  });
  await recordBlocks(client, batch, blocks);
  return client;
}

/** Streams the sums of one sealed batch into Postgres with COPY, in constant memory: Redis has them as COPY reads them. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { addSum, formatAmount, type AmountSum } from '../core/amount.ts';
import { fromSumValue } from '../aggregate/accumulator.ts';
import { ANSWER_GRACE_MS } from '../platform/postgres.ts';
import { COPY_ROWS_SQL, type LedgerEntry } from './ledger.ts';

export interface CopyOptions {
  readonly batchId: string;
  readonly timeoutMs: number;
  /** Drops sums whose key was sent before. Takes memory for every key. */
  readonly deduplicate: boolean;
}

/** What was sent. */
export interface CopiedRows extends LedgerEntry {
  /** The sum of all amounts. */
  readonly amount: string;
}

/** Text is sent in chunks of about this length; larger ones only take memory. */
const CHUNK_CHARS = 64 * 1024;
/** Chunks encoded ahead, so that the scan of Redis continues while Postgres writes. */
const CHUNKS_AHEAD = 4;

/**
 * Copies all sums on `client`, inside the caller's transaction.
 *
 * The scan, the encoding and the COPY overlap; the scan waits when Postgres is slower.
 *
 * @param sums Field, value, field, value ..., see sum-field.ts.
 * @returns The counts of what was sent, which agree with what COPY reports.
 * @throws What the scan or Postgres threw. The transaction must then be rolled back.
 */
export async function copyRows(
  client: PoolClient,
  sums: AsyncIterable<readonly string[]>,
  { batchId, timeoutMs, deduplicate }: CopyOptions,
): Promise<CopiedRows> {
  const counts = { rowCount: 0, pulseCount: 0n, amount: { high: 0, whole: 0, nano: 0 } };
  const distinct = deduplicate ? withoutRepeats(sums) : sums;
  const source = Readable.from(encodeChunks(distinct, batchId, counts), {
    highWaterMark: CHUNKS_AHEAD,
  });
  // The server's statement timeout ends a slow COPY; this one is for a server that stops answering.
  const copy = Object.assign(copyFrom(COPY_ROWS_SQL), {
    query_timeout: timeoutMs + ANSWER_GRACE_MS,
  });
  await pipeline(source, client.query(copy));
  if (copy.rowCount !== counts.rowCount) {
    throw new Error(`COPY stored ${copy.rowCount} of the ${counts.rowCount} rows sent.`);
  }
  return { ...counts, amount: formatAmount(counts.amount) };
}

async function* encodeChunks(
  sums: AsyncIterable<readonly string[]>,
  batchId: string,
  counts: { rowCount: number; pulseCount: bigint; readonly amount: AmountSum },
): AsyncGenerator<Buffer> {
  let text = '';
  for await (const chunk of sums) {
    for (let index = 0; index + 1 < chunk.length; index += 2) {
      const value = chunk[index + 1] ?? '';
      const { pulseCount, amount } = fromSumValue(value);
      counts.rowCount += 1;
      counts.pulseCount += BigInt(pulseCount);
      addSum(counts.amount, amount);
      text += `${chunk[index] ?? ''}\t${value}\t${batchId}\n`;
      if (text.length >= CHUNK_CHARS) {
        yield Buffer.from(text);
        text = '';
      }
    }
  }
  if (text !== '') yield Buffer.from(text);
}

/** HSCAN may return a field twice while Redis rehashes; it never misses one. */
async function* withoutRepeats(sums: AsyncIterable<readonly string[]>): AsyncGenerator<string[]> {
  const seenFields = new Set<string>();
  for await (const chunk of sums) {
    const distinct: string[] = [];
    for (let index = 0; index + 1 < chunk.length; index += 2) {
      const field = chunk[index] ?? '';
      if (seenFields.size < seenFields.add(field).size)
        distinct.push(field, chunk[index + 1] ?? '');
    }
    yield distinct;
  }
}

/** Streams the sums of one sealed batch into Postgres with COPY, in constant memory. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { SUM_COLUMNS } from '../aggregate/accumulator.ts';
import { ANSWER_GRACE_MS } from '../platform/postgres.ts';
import { COPY_ROWS_SQL } from './ledger.ts';
import {
  COPY_HEADER,
  COPY_TRAILER,
  RowEncoder,
  type EncodedCounts,
  type RowEncoderOptions,
} from './row-encoder.ts';

export interface CopyOptions extends RowEncoderOptions {
  readonly timeoutMs: number;
  /** Drops sums whose key was sent before. Takes memory for every key. */
  readonly deduplicate: boolean;
}

/** Chunks encoded ahead, so that the scan of Redis continues while Postgres writes. */
const CHUNKS_AHEAD = 4;

/**
 * Copies all sums on `client`, inside the caller's transaction.
 *
 * The scan, the encoding and the COPY overlap; the scan waits when Postgres is slower.
 *
 * @param sums Texts of whole sums, see RowEncoder.
 * @returns The counts of what the scan returned. Up to `idCount`, COPY reported as many rows.
 * @throws What the scan or Postgres threw. The transaction must then be rolled back.
 */
export async function copyRows(
  client: PoolClient,
  sums: AsyncIterable<Buffer>,
  { timeoutMs, deduplicate, ...options }: CopyOptions,
): Promise<EncodedCounts> {
  const encoder = new RowEncoder(options);
  const distinct = deduplicate ? withoutRepeats(sums) : sums;
  const source = Readable.from(encodeChunks(distinct, encoder), { highWaterMark: CHUNKS_AHEAD });
  // The server's statement timeout ends a slow COPY; this one is for a server that stops answering.
  const copy = Object.assign(copyFrom(COPY_ROWS_SQL), {
    query_timeout: timeoutMs + ANSWER_GRACE_MS,
  });
  await pipeline(source, client.query(copy));
  const { counts } = encoder;
  const sentCount = Math.min(counts.rowCount, options.idCount);
  if (copy.rowCount !== sentCount) {
    throw new Error(`COPY stored ${copy.rowCount} of the ${sentCount} rows sent.`);
  }
  return counts;
}

async function* encodeChunks(
  sums: AsyncIterable<Buffer>,
  encoder: RowEncoder,
): AsyncGenerator<Buffer> {
  yield COPY_HEADER;
  for await (const chunk of sums) {
    if (chunk.length > 0) yield encoder.encode(chunk);
  }
  yield COPY_TRAILER;
}

/** HSCAN may return a field twice while Redis rehashes; it never misses one. */
async function* withoutRepeats(sums: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const seenFields = new Set<string>();
  for await (const chunk of sums) {
    const columns = chunk.toString('latin1').split('\t');
    const distinct: string[] = [];
    for (let index = 0; index + SUM_COLUMNS <= columns.length; index += SUM_COLUMNS) {
      const sum = columns.slice(index, index + SUM_COLUMNS);
      const field = sum.slice(0, FIELD_COLUMNS).join('\t');
      if (seenFields.size < seenFields.add(field).size) distinct.push(...sum);
    }
    yield Buffer.from(distinct.join('\t'), 'latin1');
  }
}

const FIELD_COLUMNS = 4;

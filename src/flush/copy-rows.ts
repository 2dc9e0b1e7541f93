/** Streams the rows of one sealed batch into Postgres with COPY, in constant memory. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { AggregateRow } from '../aggregate/accumulator.ts';
import { formatAmount } from '../core/amount.ts';
import { ANSWER_GRACE_MS } from '../platform/postgres.ts';
import { COPY_ROWS_SQL, type LedgerEntry } from './ledger.ts';

export interface CopyOptions {
  readonly batchId: string;
  readonly timeoutMs: number;
  /** Drops rows whose key was sent before. Takes memory for every key. */
  readonly deduplicate: boolean;
}

/** Text is sent in chunks of about this length; larger ones only take memory. */
const CHUNK_CHARS = 64 * 1024;
/** Chunks encoded ahead, so that the scan of Redis continues while Postgres writes. */
const CHUNKS_AHEAD = 4;

/**
 * Copies all rows on `client`, inside the caller's transaction.
 *
 * The scan, the encoding and the COPY overlap; the scan waits when Postgres is slower.
 *
 * @returns The counts of what was sent, which agree with what COPY reports.
 * @throws What the scan or Postgres threw. The transaction must then be rolled back.
 */
export async function copyRows(
  client: PoolClient,
  rows: AsyncIterable<readonly AggregateRow[]>,
  { batchId, timeoutMs, deduplicate }: CopyOptions,
): Promise<LedgerEntry> {
  const counts = { rowCount: 0, pulseCount: 0n };
  const distinctRows = deduplicate ? withoutRepeats(rows) : rows;
  const source = Readable.from(encodeChunks(distinctRows, batchId, counts), {
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
  return counts;
}

/**
 * Encodes rows of one batch in COPY's text format, one line a row.
 *
 * @see https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"
 */
export function createRowEncoder(batchId: string): (row: AggregateRow) => string {
  const windowTexts = new Map<number, string>();
  const windowText = (windowStartSec: number): string => {
    let text = windowTexts.get(windowStartSec);
    if (text === undefined) {
      text = new Date(windowStartSec * 1000).toISOString();
      windowTexts.set(windowStartSec, text);
    }
    return text;
  };
  return ({ tenant, sku, unit, amount, pulseCount, windowStartSec }) =>
    `${escapeCopyText(tenant)}\t${escapeCopyText(sku)}\t${escapeCopyText(unit)}\t` +
    `${formatAmount(amount)}\t${pulseCount}\t${windowText(windowStartSec)}\t${batchId}\n`;
}

const SPECIAL = /[\\\t\n\r]/;
const SPECIALS = /[\\\t\n\r]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
};

/** Escapes a text so that it cannot end its column or row, and is not read as NULL or as the end of data. */
export function escapeCopyText(text: string): string {
  // Few texts need it, and a test is several times cheaper than a replace.
  return SPECIAL.test(text) ? text.replace(SPECIALS, (char) => ESCAPES[char] ?? char) : text;
}

async function* encodeChunks(
  rows: AsyncIterable<readonly AggregateRow[]>,
  batchId: string,
  counts: { rowCount: number; pulseCount: bigint },
): AsyncGenerator<Buffer> {
  const encodeRow = createRowEncoder(batchId);
  let text = '';
  for await (const chunk of rows) {
    for (const row of chunk) {
      text += encodeRow(row);
      counts.rowCount += 1;
      counts.pulseCount += BigInt(row.pulseCount);
      if (text.length >= CHUNK_CHARS) {
        yield Buffer.from(text);
        text = '';
      }
    }
  }
  if (text !== '') yield Buffer.from(text);
}

/** HSCAN may return a field twice while Redis rehashes; it never misses one. */
async function* withoutRepeats(
  rows: AsyncIterable<readonly AggregateRow[]>,
): AsyncGenerator<AggregateRow[]> {
  const seenKeys = new Set<string>();
  for await (const chunk of rows) {
    yield chunk.filter(({ tenant, sku, unit, windowStartSec }) => {
      const key = JSON.stringify([tenant, sku, unit, windowStartSec]);
      return seenKeys.size < seenKeys.add(key).size;
    });
  }
}

/** Streams the rows of one sealed batch into Postgres with COPY, in flat memory. */
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
  /** Drops a row whose key came before, at the cost of remembering every key. */
  readonly deduplicate: boolean;
}

/** Text is sent in pieces of about this length; larger ones only cost memory. */
const CHUNK_CHARS = 64 * 1024;
/** Pieces encoded ahead, so that the scan of Redis goes on while Postgres writes. */
const CHUNKS_AHEAD = 4;

/**
 * Copies all rows on `client`, inside the caller's transaction.
 *
 * The scan, the encoding and the COPY overlap; when Postgres is slower, the scan waits.
 *
 * @returns What was sent, counted on the way; it agrees with the count that COPY itself answers.
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
  // The server's statement timeout ends a slow COPY; this one is for a server that fell silent.
  const copy = Object.assign(copyFrom(COPY_ROWS_SQL), {
    query_timeout: timeoutMs + ANSWER_GRACE_MS,
  });
  await pipeline(source, client.query(copy));
  if (copy.rowCount !== counts.rowCount) {
    throw new Error(`COPY took ${copy.rowCount} rows of the ${counts.rowCount} sent.`);
  }
  return counts;
}

/**
 * Creates the encoder of one batch's rows into COPY's text format, one line a row.
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

/** Escapes a text so that it can neither end its column or row nor read as NULL or end of data. */
export function escapeCopyText(text: string): string {
  // Nearly no text needs it, and a test is several times cheaper than a replace.
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

/** HSCAN may give a field twice while Redis rehashes; it never leaves one out. */
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

/** Reads the rows of a question that are in Redis: the first of the two reads behind a live answer. */
import type {
  Accumulator,
  AggregateRow,
  MatchCursor,
  RowFilter,
  ShardBooks,
} from '../aggregate/accumulator.ts';

export type HeldReader = Pick<Accumulator, 'shards' | 'readBooks' | 'readMatching'>;

/** One batch that Redis held. */
export interface HeldBatch {
  readonly batchId: string;
  /** No pulse in it was used in an earlier hour. */
  readonly windowMinSec: number;
  readonly openedAtSec: number;
  /** The rows that passed the filter; undefined when the batch was gone by the time they were read. */
  readonly rows: readonly AggregateRow[] | undefined;
}

/** What Redis held when a question was asked. */
export interface HeldReading {
  /** Of every shard, as they were when the batches were listed. */
  readonly books: readonly ShardBooks[];
  readonly batches: readonly HeldBatch[];
}

/** Rows that one question may take from Redis; each costs about 400 bytes until the answer. */
export const HELD_ROWS_MAX = 100_000;

/** Redis holds more than HELD_ROWS_MAX rows of the question. */
export class TooMuchHeldError extends Error {
  override readonly name = 'TooMuchHeldError';
}

/**
 * Reads the batches of all shards, and those of their rows that pass the filter.
 *
 * The list of batches is read first, in one atomic call per shard. So a pulse that was counted before the call
 * is in one of these batches or already in Postgres. A pulse of a batch that is created later is in none of
 * them; it may be in Postgres.
 *
 * @param filter undefined: reads the list of batches and no rows.
 * @throws TransientError Redis does not answer.
 * @throws TooMuchHeldError More than HELD_ROWS_MAX rows pass the filter.
 */
export async function readHeld(
  reader: HeldReader,
  filter: RowFilter | undefined,
): Promise<HeldReading> {
  const books: ShardBooks[] = [];
  const batches: HeldBatch[] = [];
  let rowsLeft = HELD_ROWS_MAX;
  for (let shard = 0; shard < reader.shards; shard++) {
    const shardBooks = await reader.readBooks(shard);
    books.push(shardBooks);
    const { live, sealed } = shardBooks;
    for (const batch of live === null ? sealed : [...sealed, live]) {
      const { batchId, windowMinSec, openedAtSec } = batch;
      const rows =
        filter === undefined
          ? []
          : await readRows(reader, { batch: { shard, batchId }, filter, rowsMax: rowsLeft });
      rowsLeft -= rows?.length ?? 0;
      batches.push({ batchId, windowMinSec, openedAtSec, rows });
    }
  }
  return { books, batches };
}

async function readRows(
  reader: HeldReader,
  options: {
    batch: { shard: number; batchId: string };
    filter: RowFilter;
    rowsMax: number;
  },
): Promise<AggregateRow[] | undefined> {
  const { batch, filter, rowsMax } = options;
  const rows = new Map<string, AggregateRow>();
  let cursor: MatchCursor | undefined;
  do {
    const step = await reader.readMatching(batch, { cursor, filter });
    if (step === null) return undefined;
    // No part of a key holds a control character. A row that comes twice is complete the second time.
    for (const row of step.rows) {
      rows.set(`${row.tenant}\n${row.sku}\n${row.unit}\n${row.windowStartSec}`, row);
    }
    if (rows.size > rowsMax) throw new TooMuchHeldError();
    cursor = step.cursor;
  } while (cursor !== undefined);
  return [...rows.values()];
}

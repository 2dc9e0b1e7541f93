/** What Redis holds of a question: the first of the two reads that make a live answer. */
import type { Accumulator, AggregateRow, RowFilter } from '../aggregate/accumulator.ts';

export type HeldReader = Pick<Accumulator, 'shards' | 'readBooks' | 'readMatching'>;

/** One batch that Redis held when it was asked. */
export interface HeldBatch {
  readonly batchId: string;
  /** No pulse in it was used in an hour before this one. */
  readonly windowMinSec: number;
  readonly openedAtSec: number;
  /** Its rows as far as they were asked for; undefined when Redis had it no more as they were read. */
  readonly rows: readonly AggregateRow[] | undefined;
}

/** Rows of one question that are taken from Redis; each costs about 400 bytes until it is answered. */
export const HELD_ROWS_MAX = 100_000;

/** Redis holds more rows of the question than one answer takes. */
export class TooMuchHeldError extends Error {
  override readonly name = 'TooMuchHeldError';
}

/**
 * Reads the batches of all shards with their ids, and their rows that pass the filter.
 *
 * Which batches there are is read first, in one atomic call a shard. So a pulse that was counted before is
 * in one of them or in Postgres already; one of a batch that is born later is in neither, or in Postgres.
 *
 * @param filter undefined reads no rows, only which batches there are.
 * @throws TransientError Redis does not answer.
 * @throws TooMuchHeldError More than HELD_ROWS_MAX rows pass the filter.
 */
export async function readHeld(
  reader: HeldReader,
  filter: RowFilter | undefined,
): Promise<HeldBatch[]> {
  const held: HeldBatch[] = [];
  let rowsLeft = HELD_ROWS_MAX;
  for (let shard = 0; shard < reader.shards; shard++) {
    const { live, sealed } = await reader.readBooks(shard);
    for (const batch of live === null ? sealed : [...sealed, live]) {
      const { batchId, windowMinSec, openedAtSec } = batch;
      const rows =
        filter === undefined
          ? []
          : await readRows(reader, { batch: { shard, batchId }, filter, rowsMax: rowsLeft });
      rowsLeft -= rows?.length ?? 0;
      held.push({ batchId, windowMinSec, openedAtSec, rows });
    }
  }
  return held;
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
  let cursor = '0';
  do {
    const step = await reader.readMatching(batch, { cursor, filter });
    if (step === null) return undefined;
    // No part of a key holds a control character. The later of two readings of a row has all of it.
    for (const row of step.rows) {
      rows.set(`${row.tenant}\n${row.sku}\n${row.unit}\n${row.windowStartSec}`, row);
    }
    if (rows.size > rowsMax) throw new TooMuchHeldError();
    cursor = step.cursor;
  } while (cursor !== '0');
  return [...rows.values()];
}

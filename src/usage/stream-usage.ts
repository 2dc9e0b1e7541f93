/** Streams an answer of any size, a thousand rows at a time. */
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Pool, PoolClient } from 'pg';
import { withCancel } from '../platform/cancel-statement.ts';
import { ANSWER_GRACE_MS } from '../platform/postgres.ts';
import { prepareUsage, readRedis, type UsageDeps } from './read-usage.ts';
import type { Freshness, UsageQuery, UsageRow } from './usage.ts';
import { fromSqlRow, type SqlUsageRow, type Statement } from './usage-query.ts';

export interface RowEncoder {
  /** The text before the first row. */
  readonly head: string;
  readonly encode: (row: UsageRow) => string;
}

export interface UsageStream {
  readonly freshness: Freshness;
  /** Ends after the last row; a failure destroys it. */
  readonly text: Readable;
}

const ROWS_PER_FETCH = 1_000;
/**
 * The first rows come when everything is added up and sorted. Shorter than the socket's time-out, so that the
 * caller gets an answer that says so.
 */
const STATEMENT_TIMEOUT_MS = 80_000;

/**
 * Opens the stream. Resolves when the first rows are there, so that an earlier failure can still be answered
 * with a status. The transaction lasts until the stream has been read or is destroyed.
 *
 * @param deps.pool Only to cancel, so out of turn: the statement that it cancels holds a turn.
 * @param options.signal Aborted when the caller has gone: cancels the statement in Postgres.
 * @throws As readUsage.
 */
export async function openUsageStream(
  deps: UsageDeps & { readonly pool: Pick<Pool, 'query'> },
  query: UsageQuery,
  { encoder, signal }: { encoder: RowEncoder; signal: AbortSignal },
): Promise<UsageStream> {
  const reading = await readRedis(deps, query);
  // A failure destroys it, perhaps before anything listens.
  const text = new PassThrough().on('error', () => undefined);
  return await new Promise<UsageStream>((resolve, reject) => {
    deps
      .readSnapshot(async (client) => {
        const prepared = await prepareUsage(deps, client, { query, reading });
        await withCancel(deps.pool, { processId: prepared.processId, signal }, async () => {
          await openCursor(client, prepared.statement);
          const first = await fetchRows(client);
          resolve({ freshness: prepared.freshness, text });
          await pipeline(encodeAll(client, { encoder, first }), text);
        });
      })
      .catch(reject);
  });
}

async function openCursor(client: PoolClient, { text, values }: Statement): Promise<void> {
  // All rows will be read; by default a cursor is planned for the first tenth of them.
  await client.query(
    `SELECT set_config('cursor_tuple_fraction', '1', true), set_config('statement_timeout', $1, true)`,
    [String(STATEMENT_TIMEOUT_MS)],
  );
  await client.query(`DECLARE usage_rows NO SCROLL CURSOR FOR ${text}`, values);
}

async function fetchRows(client: PoolClient): Promise<SqlUsageRow[]> {
  const statement = {
    text: `FETCH ${ROWS_PER_FETCH} FROM usage_rows`,
    query_timeout: STATEMENT_TIMEOUT_MS + ANSWER_GRACE_MS,
  };
  const { rows } = await client.query<SqlUsageRow>(statement);
  return rows;
}

async function* encodeAll(
  client: PoolClient,
  { encoder, first }: { encoder: RowEncoder; first: SqlUsageRow[] },
): AsyncGenerator<string> {
  yield encoder.head;
  let rows = first;
  while (rows.length > 0) {
    yield rows.map((row) => encoder.encode(fromSqlRow(row))).join('');
    if (rows.length < ROWS_PER_FETCH) return;
    rows = await fetchRows(client);
  }
}

/** Reads that belong together see the same moment. */
import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../platform/postgres.ts';

/**
 * Lends a client inside one read-only snapshot.
 *
 * @throws TransientError Postgres is away or too busy.
 */
export function withSnapshot<Result>(
  pool: Pool,
  read: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  return withTransaction(pool, async (client) => {
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    return read(client);
  });
}

/** Removes what nobody needs: files that expired or were left behind, and rows that ended long ago. */
import { rm } from 'node:fs/promises';
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { listFiles, type FoundFile } from './export-files.ts';
import { deleteOldExports, expireExports, findNeeded } from './exports-query.ts';

const AT_A_TIME = 500;
/** How long an ended export is shown. */
const KEPT_DAYS = 30;
/** A file that a claim made a moment ago may be newer than the answer of Postgres. */
const YOUNG_MS = 60_000;

export async function sweepExports({
  pool,
  directory,
}: {
  readonly pool: Pool;
  readonly directory: string;
}): Promise<void> {
  await expireExports(pool, AT_A_TIME);
  const found = await listFiles(directory);
  for (let start = 0; start < found.length; start += AT_A_TIME) {
    await removeUnneeded(pool, found.slice(start, start + AT_A_TIME));
  }
  await withTransaction(pool, (client) =>
    deleteOldExports(client, { days: KEPT_DAYS, limit: AT_A_TIME }),
  );
}

async function removeUnneeded(pool: Pool, files: readonly FoundFile[]): Promise<void> {
  const needed = await findNeeded(pool, files);
  const oldest = Date.now() - YOUNG_MS;
  for (const { path, id, fence, modifiedAt } of files) {
    if (!needed.has(`${id}.${fence}`) && modifiedAt.getTime() < oldest) {
      await rm(path, { force: true });
    }
  }
}

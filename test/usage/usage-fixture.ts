/** Usage queries on a real Redis and a real Postgres. */
import { ensureEpoch } from '../../src/aggregate/epoch.ts';
import { readHeld } from '../../src/usage/read-held.ts';
import { readUsage, type UsageDeps } from '../../src/usage/read-usage.ts';
import type { UsageQuery, UsageRow } from '../../src/usage/usage.ts';
import { fromCursor } from '../../src/usage/usage.ts';
import { readAsTenants } from '../../src/platform/scoped-postgres.ts';
import { createFlushFixture, type FlushFixture } from '../flush/flush-fixture.ts';

export const AGE_MAX_MS = 35 * 86_400_000;

/** Everything, as one sum per unit. */
export const EVERYTHING: UsageQuery & { readonly limit: number } = {
  window: 'none',
  tz: 'UTC',
  groups: ['use_unity'],
  order: 'asc',
  live: true,
  limit: 1_000,
};

export interface UsageFixture extends FlushFixture {
  readonly usage: UsageDeps;
  /** Seals the live batches and leaves them in Redis. */
  sealAll(): Promise<void>;
}

export async function createUsageFixture(): Promise<UsageFixture> {
  const flushed = await createFlushFixture();
  const { accumulator, pool } = flushed;
  return {
    ...flushed,
    /** Redis and Postgres belong to one epoch again. */
    async reset() {
      await flushed.reset();
      await pool.query('TRUNCATE epochs');
      await ensureEpoch(flushed);
    },
    usage: {
      readHeld: (filter) => readHeld(accumulator, filter),
      pool,
      scope: 'all',
      readSnapshot: (read) => readAsTenants(pool, 'all', read),
      pulseAgeMaxMs: AGE_MAX_MS,
      windowSeconds: 3_600,
    },
    async sealAll() {
      for (let shard = 0; shard < accumulator.shards; shard++) await accumulator.seal(shard);
    },
  };
}

/** All rows, page by page. */
export async function readAllPages(
  deps: UsageDeps,
  query: UsageQuery & { readonly limit: number },
): Promise<UsageRow[]> {
  const rows: UsageRow[] = [];
  let after = query.after;
  for (;;) {
    const page = await readUsage(deps, { ...query, after });
    rows.push(...page.rows);
    if (page.next === null) return rows;
    after = fromCursor(query, page.next);
    if (after === undefined) throw new Error('A cursor of ours is not taken back.');
  }
}

/**
 * Answers a question about usage from Postgres and Redis together, each pulse once.
 *
 * | # | step | why no pulse is missed or counted twice |
 * |---|---|---|
 * | 1 | ask each shard of Redis, in one call, which batches it holds | what was counted before is in one of these, or in Postgres |
 * | 2 | read the rows of those batches | one that is gone by now was flushed: it is in Postgres |
 * | 3 | open one snapshot of Postgres; ask the ledger which of the batches it has | those come from Postgres, all others from step 2 |
 * | 4 | add up, in the same snapshot | a batch commits its rows and its ledger entry together |
 *
 * A batch that is born after step 1 is either in the snapshot as a whole or left out as a whole.
 */
import type { Pool, PoolClient } from 'pg';
import type { AggregateRow } from '../aggregate/accumulator.ts';
import { FatalError } from '../core/errors.ts';
import { includesTenant, type TenantScope } from '../core/tenant-scope.ts';
import { foldHeld } from './fold-held.ts';
import { toFreshness } from './freshness.ts';
import { readHeld, type HeldBatch, type HeldReader } from './read-held.ts';
import type { Freshness, UsageQuery, UsageRow } from './usage-query.ts';
import { toCursor } from './usage-query.ts';
import {
  findCommitted,
  findEarliestUnflushed,
  fromSqlRow,
  keyOf,
  readAsOfState,
  usageStatement,
  type SqlUsageRow,
  type Statement,
} from './usage-sql.ts';

/** Reads in one REPEATABLE READ transaction, limited to what the caller may see. */
export type ReadSnapshot = <R>(read: (client: PoolClient) => Promise<R>) => Promise<R>;

export interface UsageDeps {
  readonly held: HeldReader;
  readonly pool: Pick<Pool, 'query'>;
  readonly readSnapshot: ReadSnapshot;
  /** Whose usage the caller may see; the question must not ask for more. */
  readonly scope: TenantScope;
  /** How old a pulse may be to be counted. */
  readonly pulseAgeMaxMs: number;
}

export interface UsagePage {
  readonly rows: readonly UsageRow[];
  /** Leads to the rows after these; null when there are none. */
  readonly next: string | null;
  readonly freshness: Freshness;
}

/** The question's `asOfMs` lies in the future of Postgres' clock. */
export class AsOfFutureError extends Error {
  override readonly name = 'AsOfFutureError';
}

/** What steps 1 and 2 gave. */
export interface UsageReading {
  readonly batches: readonly HeldBatch[];
  readonly startedAtMs: number;
  readonly isFlushing: boolean;
}

/** A question in an open snapshot, ready to be asked. */
export interface PreparedUsage {
  readonly statement: Statement;
  readonly freshness: Freshness;
  /** Of the server process that answers. */
  readonly processId: number;
}

/**
 * One page of the answer.
 *
 * @throws TransientError Redis or Postgres is away or too busy.
 * @throws TooMuchHeldError, AsOfFutureError The question cannot be answered.
 */
export async function readUsage(
  deps: UsageDeps,
  query: UsageQuery & { readonly limit: number },
): Promise<UsagePage> {
  const reading = await readRedis(deps, query);
  return await deps.readSnapshot(async (client) => {
    // One more than asked tells whether there is a next page.
    const onePageMore = { ...query, limit: query.limit + 1 };
    const { statement, freshness } = await prepareUsage(deps, client, {
      query: onePageMore,
      reading,
    });
    const { rows } = await client.query<SqlUsageRow>(statement.text, statement.values);
    const last = rows.length > query.limit ? rows[query.limit - 1] : undefined;
    return {
      rows: rows.slice(0, query.limit).map(fromSqlRow),
      next: last === undefined ? null : toCursor(query, keyOf(last, query.groups)),
      freshness,
    };
  });
}

/** Steps 1 and 2. */
export async function readRedis(deps: UsageDeps, query: UsageQuery): Promise<UsageReading> {
  const startedAtMs = Date.now();
  const { asOfMs } = query;
  const isLive = query.live && asOfMs === undefined;
  const batches = await readHeld(deps.held, isLive ? heldFilter(query) : undefined);
  if (asOfMs === undefined) return { batches, startedAtMs, isFlushing: false };
  const { isPast, isFlushing } = await readAsOfState(deps.pool, asOfMs);
  if (!isPast) throw new AsOfFutureError();
  return { batches, startedAtMs, isFlushing };
}

function heldFilter({ tenants, skus, units, fromMs, toMs }: UsageQuery) {
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  return { tenants, skus, units, fromSec: seconds(fromMs), toSec: seconds(toMs) };
}

/** Step 3, and the statement for step 4. */
export async function prepareUsage(
  deps: UsageDeps,
  client: PoolClient,
  { query, reading }: { query: UsageQuery; reading: UsageReading },
): Promise<PreparedUsage> {
  const ids = reading.batches.map(({ batchId }) => batchId);
  const { committed, processId } = await findCommitted(client, ids);
  const waiting = reading.batches.filter(({ batchId }) => !committed.has(batchId));
  if (query.asOfMs !== undefined) {
    const freshness = await freshnessAsOf(client, { deps, reading, waiting, asOfMs: query.asOfMs });
    return { statement: usageStatement(query, NOTHING_HELD), freshness, processId };
  }
  const rows = waiting.flatMap(rowsOf);
  assertInScope(deps.scope, rows);
  const { sums, pulseCount } = foldHeld(rows, query.groups);
  const freshness = toFreshness({
    atMs: reading.startedAtMs,
    unflushedSinceMs: waiting.map(({ windowMinSec }) => windowMinSec * 1000),
    pulseAgeMaxMs: deps.pulseAgeMaxMs,
    provisional: pulseCount > 0,
    pending: query.live ? pulseCount : null,
  });
  return { statement: usageStatement(query, sums), freshness, processId };
}

const { sums: NOTHING_HELD } = foldHeld([], []);

function rowsOf({ batchId, rows }: HeldBatch) {
  if (rows !== undefined) return rows;
  throw new FatalError(
    'PULSE_FLUSH_MISMATCH',
    `Batch ${batchId} is gone from Redis and was never flushed. Was Redis emptied or restored?`,
  );
}

/** The second guard between tenants, as row-level security is in Postgres: Redis knows no callers. */
function assertInScope(scope: TenantScope, rows: readonly AggregateRow[]): void {
  if (rows.every(({ tenant }) => includesTenant(scope, tenant))) return;
  throw new Error('A question about usage asked Redis for more than its caller may see.');
}

/** Redis' clock told when a batch was opened, Postgres' when it was flushed. */
const CLOCK_SKEW_MAX_MS = 60_000;

async function freshnessAsOf(
  client: PoolClient,
  options: {
    deps: UsageDeps;
    reading: UsageReading;
    waiting: readonly HeldBatch[];
    asOfMs: number;
  },
): Promise<Freshness> {
  const { deps, reading, waiting, asOfMs } = options;
  const openedBeforeMs = asOfMs + CLOCK_SKEW_MAX_MS;
  const flushedLater = await findEarliestUnflushed(client, { asOfMs, openedBeforeMs });
  const heldStill = waiting
    .filter(({ openedAtSec }) => openedAtSec * 1000 < openedBeforeMs)
    .map(({ windowMinSec }) => windowMinSec * 1000);
  return toFreshness({
    atMs: asOfMs,
    unflushedSinceMs: flushedLater === undefined ? heldStill : [flushedLater, ...heldStill],
    pulseAgeMaxMs: deps.pulseAgeMaxMs,
    provisional: reading.isFlushing,
    pending: null,
  });
}

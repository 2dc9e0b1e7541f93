/**
 * Answers a question about usage from Postgres and Redis, counting each pulse once.
 *
 * | # | step | why no pulse is missed or counted twice |
 * |---|---|---|
 * | 1 | ask each shard of Redis, in one call, which batches it holds | a pulse counted before this is in one of them, or in Postgres |
 * | 2 | read the rows of those batches | a batch that is gone by now was flushed: it is in Postgres |
 * | 3 | open one snapshot of Postgres; ask the ledger which of the batches it has, and for the epoch | those come from Postgres, all others from step 2; a Redis that lost what it held has another epoch |
 * | 4 | add up, in the same snapshot | a batch commits its rows and its ledger entry together |
 *
 * A batch that is created after step 1 is in the snapshot as a whole or not at all.
 */
import type { Pool, PoolClient } from 'pg';
import type { AggregateRow, RowFilter } from '../aggregate/accumulator.ts';
import { areWhole } from '../aggregate/epoch.ts';
import { FatalError } from '../core/errors.ts';
import { includesTenant, type TenantScope } from '../core/tenant-scope.ts';
import { foldHeld, NOTHING_HELD } from './fold-held.ts';
import { toFreshness } from './freshness.ts';
import type { HeldBatch, HeldReading } from './read-held.ts';
import { toCursor, type Freshness, type UsageQuery, type UsageRow } from './usage.ts';
import {
  findEarliestUnflushed,
  fromSqlRow,
  keyOf,
  readAsOfState,
  readLedgerState,
  usageStatement,
  type LedgerState,
  type SqlUsageRow,
  type Statement,
} from './usage-query.ts';

/** Reads in one REPEATABLE READ transaction, limited to what the caller may see. */
export type ReadSnapshot = <R>(read: (client: PoolClient) => Promise<R>) => Promise<R>;

export interface UsageDeps {
  /** Reads the batches in Redis and those of their rows that pass the filter; undefined reads no rows. */
  readonly readHeld: (filter: RowFilter | undefined) => Promise<HeldReading>;
  readonly pool: Pick<Pool, 'query'>;
  readonly readSnapshot: ReadSnapshot;
  /** The tenants whose usage the caller may see; the question must not ask for others. */
  readonly scope: TenantScope;
  /** How old a pulse may be to be counted. */
  readonly pulseAgeMaxMs: number;
  /** The length of a window of this installation. */
  readonly windowSeconds: number;
}

export interface UsagePage {
  readonly rows: readonly UsageRow[];
  /** The cursor of the next page; null on the last. */
  readonly next: string | null;
  readonly freshness: Freshness;
}

/** The question's `asOfMs` is in the future by Postgres' clock. */
export class AsOfFutureError extends Error {
  override readonly name = 'AsOfFutureError';
}

/** The result of steps 1 and 2. */
export interface UsageReading {
  /** Undefined: Redis was not asked. */
  readonly held: HeldReading | undefined;
  readonly startedAtMs: number;
  readonly isFlushing: boolean;
}

/** The result of step 3. */
export interface PreparedUsage {
  readonly statement: Statement;
  readonly freshness: Freshness;
  /** Of the Postgres backend that runs the statement. */
  readonly processId: number;
}

/**
 * Reads one page of the answer.
 *
 * @throws TransientError Redis or Postgres is unavailable or too busy.
 * @throws FatalError PULSE_REDIS_EPOCH, PULSE_FLUSH_MISMATCH Redis has lost what the answer needs.
 * @throws TooMuchHeldError, AsOfFutureError The question cannot be answered.
 */
export async function readUsage(
  deps: UsageDeps,
  query: UsageQuery & { readonly limit: number },
): Promise<UsagePage> {
  const reading = await readRedis(deps, query);
  return await deps.readSnapshot(async (client) => {
    // One row more than asked for shows whether there is a next page.
    const { statement, freshness } = await prepareUsage(deps, client, {
      query: { ...query, limit: query.limit + 1 },
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
  const held = matchesNothing(query)
    ? undefined
    : await deps.readHeld(isLive ? heldFilter(query) : undefined);
  if (asOfMs === undefined) return { held, startedAtMs, isFlushing: false };
  const { isPast, isFlushing } = await readAsOfState(deps.pool, asOfMs);
  if (!isPast) throw new AsOfFutureError();
  return { held, startedAtMs, isFlushing };
}

/** Redis is not asked then: no caller can make it search for tenants that are not theirs. */
function matchesNothing({ tenants }: UsageQuery): boolean {
  return tenants?.length === 0;
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
  const ids = reading.held?.batches.map(({ batchId }) => batchId) ?? [];
  const ledger = await readLedgerState(client, ids);
  const { processId } = ledger;
  const waiting = findWaiting(reading, ledger);
  if (query.asOfMs !== undefined) {
    const freshness = await freshnessAsOf(client, { deps, reading, waiting, asOfMs: query.asOfMs });
    return { statement: usageStatement(query, NOTHING_HELD), freshness, processId };
  }
  if (query.live && reading.held !== undefined && waiting === 'unknown') throw lostRedis();
  const rows = waiting === 'unknown' ? [] : waiting.flatMap(rowsOf);
  assertInScope(deps.scope, rows);
  const { sums, pulseCount } = await foldHeld(rows, query.groups);
  const freshness = toFreshness({
    atMs: reading.startedAtMs,
    unflushedSinceMs: waiting === 'unknown' ? 'unknown' : waiting.map(windowMinMs),
    pulseAgeMaxMs: deps.pulseAgeMaxMs,
    windowSeconds: deps.windowSeconds,
    provisional: pulseCount > 0,
    pending: query.live ? pulseCount : null,
    journalled: query.live ? journalledIn(reading) : null,
    journalSinceMs: journalSinceMs(reading),
  });
  return { statement: usageStatement(query, sums), freshness, processId };
}

/** Of the batches that Redis held, those that are not in Postgres; unknown if Redis was not asked, or lost some. */
type Waiting = readonly HeldBatch[] | 'unknown';

function findWaiting({ held }: UsageReading, { committed, epoch }: LedgerState): Waiting {
  if (held === undefined || !areWhole(held.books, epoch)) return 'unknown';
  return held.batches.filter(({ batchId }) => !committed.has(batchId));
}

function journalledIn({ held }: UsageReading): number {
  return held?.books.reduce((sum, { journalled }) => sum + Number(journalled), 0) ?? 0;
}

function journalSinceMs({ held }: UsageReading): number | undefined {
  const times = held?.books.flatMap(({ journalSinceMs }) => journalSinceMs ?? []) ?? [];
  return times.length === 0 ? undefined : Math.min(...times);
}

function windowMinMs({ windowMinSec }: HeldBatch): number {
  return windowMinSec * 1000;
}

function lostRedis(): FatalError {
  return new FatalError(
    'PULSE_REDIS_EPOCH',
    'Redis has lost its data, or is another server: what was counted and not flushed is unknown. ' +
      'Run `pulse doctor` to see what to do.',
  );
}

function rowsOf({ batchId, rows }: HeldBatch) {
  if (rows !== undefined) return rows;
  throw new FatalError(
    'PULSE_FLUSH_MISMATCH',
    `Batch ${batchId} is missing from Redis and was never flushed. Was Redis emptied or restored?`,
  );
}

/** The second guard between tenants for rows of Redis, as row-level security is for those of Postgres. */
function assertInScope(scope: TenantScope, rows: readonly AggregateRow[]): void {
  if (rows.every(({ tenant }) => includesTenant(scope, tenant))) return;
  throw new Error('A question about usage asked Redis for more than its caller may see.');
}

/** A batch's opening time is by Redis' clock, its flush time by Postgres'. */
const CLOCK_SKEW_MAX_MS = 60_000;

async function freshnessAsOf(
  client: PoolClient,
  options: {
    deps: UsageDeps;
    reading: UsageReading;
    waiting: Waiting;
    asOfMs: number;
  },
): Promise<Freshness> {
  const { deps, reading, waiting, asOfMs } = options;
  const openedBeforeMs = asOfMs + CLOCK_SKEW_MAX_MS;
  const flushedLater = await findEarliestUnflushed(client, { asOfMs, openedBeforeMs });
  const heldThen =
    waiting === 'unknown'
      ? waiting
      : [
          ...(flushedLater === undefined ? [] : [flushedLater]),
          ...waiting
            .filter(({ openedAtSec }) => openedAtSec * 1000 < openedBeforeMs)
            .map(windowMinMs),
        ];
  return toFreshness({
    atMs: asOfMs,
    unflushedSinceMs: heldThen,
    pulseAgeMaxMs: deps.pulseAgeMaxMs,
    windowSeconds: deps.windowSeconds,
    provisional: reading.isFlushing,
    pending: null,
    journalled: null,
    journalSinceMs: journalSinceMs(reading),
  });
}

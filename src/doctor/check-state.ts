/** What `pulse doctor` checks across servers: whether they belong together, and whether anything is stuck. */
import { statfs } from 'node:fs/promises';
import type { Pool } from 'pg';
import type { Accumulator } from '../aggregate/accumulator.ts';
import { describePause } from '../cli/wording.ts';
import { verifyBooks } from '../flush/books.ts';
import { compareEpochs } from '../aggregate/epoch.ts';
import type { Finding } from '../aggregate/redis-durability.ts';
import { readPauseState } from '../ingest/pauses-query.ts';
import type { RedisClient } from '../platform/redis.ts';
import { hostUrls } from '../platform/server-urls.ts';
import { danger, ok, warning } from './findings.ts';
import { checkJournal } from './check-journal.ts';
import { checkDeliveries } from './check-deliveries.ts';
import { checkExports } from './check-exports.ts';
import { checkFlush } from './check-flush.ts';
import { checkOutbox } from './check-messages.ts';
import { checkDueChanges, checkFlushedHours } from './check-processor.ts';
import type { Check } from './run-checks.ts';

export interface StateDeps {
  readonly redis: RedisClient;
  readonly pool: Pool;
  readonly accumulator: Accumulator;
  readonly flushCron: string;
}

/** A busy machine may add a second to the answer; a minute moves pulses into another hour. */
const SKEW_WARNING_MS = 2_000;
const SKEW_DANGER_MS = 60_000;
const FREE_SHARE_WARNING = 0.15;
const FREE_SHARE_DANGER = 0.03;
const GIB = 1024 ** 3;
const LOCAL_HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

/** What the servers are ready for. */
export interface Prepared {
  /** The tables are those of this build, and SHARDS is the installation's. */
  readonly schema: boolean;
  /** Every master has the functions of this build. */
  readonly functions: boolean;
}

/** Needs Redis and Postgres to answer; what needs more is checked as far as the servers are prepared. */
export function stateChecks(deps: StateDeps, { schema, functions }: Prepared): Check[] {
  const { redis, pool, accumulator, flushCron } = deps;
  const always: Check[] = [
    ['redis clock', () => checkClock('redis clock', () => readRedisMs(redis))],
    ['postgres clock', () => checkClock('postgres clock', () => readPostgresMs(pool))],
    ['epoch', () => checkEpoch(deps)],
  ];
  if (!schema) return always;
  const ofTables: Check[] = [
    ['ingest', () => checkPause(deps)],
    ['outbox', () => checkOutbox(pool)],
    ['exports', () => checkExports(pool)],
    ['deliveries', () => checkDeliveries(pool)],
    ['subscriptions', () => checkDueChanges(pool)],
    ['flushed hours', () => checkFlushedHours(pool)],
  ];
  const ofSums: Check[] = [
    ['journal', () => checkJournal(accumulator)],
    ['flush', () => checkFlush(accumulator, flushCron)],
    ['books', () => checkBooks(deps)],
  ];
  const unchecked: Check = ['books', () => explainUncheckedBooks(deps)];
  return [...always, ...ofTables, ...(functions ? ofSums : [unchecked])];
}

/** Before the first start there is nothing to check, and of a Redis that lost everything, nothing is left. */
async function explainUncheckedBooks(deps: StateDeps): Promise<Finding | undefined> {
  if ((await checkEpoch(deps)).status !== 'ok') return undefined;
  const detail = 'not checked, because Redis lacks the functions of this build; a start loads them';
  return warning('books', detail);
}

async function checkClock(name: string, readMs: () => Promise<number>): Promise<Finding> {
  const askedMs = Date.now();
  const theirsMs = await readMs();
  const oursMs = (askedMs + Date.now()) / 2;
  return judgeSkew(name, theirsMs - oursMs);
}

async function readRedisMs(redis: RedisClient): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}

async function readPostgresMs(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ at: Date }>('SELECT clock_timestamp() AS at');
  return rows[0]?.at.getTime() ?? Number.NaN;
}

/** @param skewMs Above zero: that clock is ahead of this machine's. */
export function judgeSkew(name: string, skewMs: number): Finding {
  const seconds = Math.abs(skewMs) / 1000;
  const detail = `${seconds.toFixed(1)} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine`;
  const todo = 'pulses fall into the wrong hour or are refused: synchronise the clocks (NTP)';
  if (seconds * 1000 > SKEW_DANGER_MS) return danger(name, `${detail}: ${todo}`);
  if (seconds * 1000 > SKEW_WARNING_MS) return warning(name, `${detail}: ${todo}`);
  return ok(name, detail);
}

async function checkEpoch(deps: StateDeps): Promise<Finding> {
  const name = 'epoch';
  const { verdict, inPostgres, inRedis } = await compareEpochs(deps);
  if (verdict === 'none') return warning(name, 'none yet; the first start of a worker begins one');
  if (verdict === 'same') return ok(name, inPostgres ?? '');
  const held = inRedis.map((one) => one ?? 'none').join(', ');
  if (inPostgres === undefined) {
    const detail = `Redis holds ${held}, Postgres knows none: a first start did not finish, or this Redis belongs to another database`;
    return danger(name, `${detail}. Check DATABASE_URL and start a worker`);
  }
  return danger(
    name,
    `Postgres knows ${inPostgres}, Redis holds ${held}: ` +
      'Redis has lost its data, or the two do not belong together. Check REDIS_URL and DATABASE_URL, restore ' +
      "Redis's append-only file, or accept the loss with `pulse recover --note 'what happened'`",
  );
}

async function checkPause({ pool }: StateDeps): Promise<Finding> {
  const state = await readPauseState(pool);
  const detail = describePause(state);
  return state.paused
    ? warning('ingest', `${detail}; \`pulse resume\` lets it continue`)
    : ok('ingest', detail);
}

async function checkBooks(deps: StateDeps): Promise<Finding> {
  const { drift, journalDrift, balanced } = await verifyBooks(deps);
  if (balanced) return ok('books', 'balance');
  return danger(
    'books',
    `differ by ${drift === 0n ? journalDrift : drift} pulses: \`pulse verify\` shows where. Do not bill from them until you know why`,
  );
}

/** Checks the disk that holds a server's data, if the server runs on this machine and tells where that is. */
export async function checkDisk(
  name: string,
  url: string,
  readDirectory: () => Promise<string | undefined>,
): Promise<Finding> {
  // Of several hosts, which may be on several machines, none can be asked for the others.
  const hosts = hostUrls(url).map((one) => new URL(one).hostname);
  const isHere = hosts.length === 1 && LOCAL_HOSTS.includes(hosts[0] ?? '');
  const directory = isHere ? await readDirectory().catch(() => undefined) : undefined;
  const stats =
    directory === undefined ? undefined : await statfs(directory).catch(() => undefined);
  if (stats === undefined || directory === undefined) {
    return ok(name, 'cannot be seen from here: monitor it where the server runs');
  }
  const freeBytes = stats.bavail * stats.bsize;
  return judgeDisk(name, { directory, freeBytes, totalBytes: stats.blocks * stats.bsize });
}

export function judgeDisk(
  name: string,
  {
    directory,
    freeBytes,
    totalBytes,
  }: { directory: string; freeBytes: number; totalBytes: number },
): Finding {
  const share = freeBytes / totalBytes;
  const detail = `${(freeBytes / GIB).toFixed(1)} GiB (${Math.round(share * 100)} %) free at ${directory}`;
  const todo = 'a full disk stops counting: free some space, or enlarge it';
  if (share < FREE_SHARE_DANGER) return danger(name, `${detail}: ${todo}`);
  if (share < FREE_SHARE_WARNING) return warning(name, `${detail}: ${todo}`);
  return ok(name, detail);
}

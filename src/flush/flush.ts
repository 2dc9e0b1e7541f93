/** Moves the sums in Redis to Postgres, each batch exactly once, in five steps. */
import type { Pool } from 'pg';
import type { Accumulator, SealedBatch } from '../aggregate/accumulator.ts';
import { FatalError, PulseError, TransientError } from '../core/errors.ts';
import { backoffDelayMs, sleep, type BackoffOptions } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { withTransaction } from '../platform/postgres.ts';
import { NO_TRACING, type Tracing } from '../platform/tracing.ts';
import { copyRows } from './copy-rows.ts';
import type { FlushStep } from './flush-steps.ts';
import {
  claimBatch,
  ensurePartitions,
  findBatch,
  recordBatch,
  recordBlocks,
  recordHours,
  type LedgerEntry,
} from './ledger.ts';
import { traceFlushBatch } from './trace-flush.ts';

export interface FlushDeps {
  readonly accumulator: Pick<
    Accumulator,
    'shards' | 'seal' | 'listSealed' | 'readSums' | 'discardSealed'
  >;
  readonly pool: Pool;
  readonly logger: Logger;
  /** Called after every step, for metrics; fault tests stop the process here. */
  readonly onStep?: (step: FlushStep, batch: SealedBatch) => void | Promise<void>;
  readonly tracing?: Tracing;
}

export interface FlushOptions {
  /** The longest one COPY may take. */
  readonly copyTimeoutMs?: number;
  /** Between the attempts at a batch, after a transient error. */
  readonly retryBackoff?: BackoffOptions;
}

/** What one flush did. The first three count only what it committed itself. */
export interface FlushReport {
  readonly rowCount: number;
  readonly pulseCount: bigint;
  readonly batchCount: number;
  /** Batches that an earlier flush had sealed and not finished. */
  readonly leftoverCount: number;
  /** Batches that were in the ledger already, so that only the copy in Redis was discarded. */
  readonly alreadyFlushedCount: number;
  /** Batches that another flush was writing at the same time. */
  readonly skippedCount: number;
  readonly seconds: number;
}

type BatchOutcome = 'flushed' | 'already_flushed' | 'skipped';

type Tally = { -readonly [K in keyof Omit<FlushReport, 'seconds'>]: FlushReport[K] } & {
  failures: Error[];
};

const ATTEMPTS = 3;
const DEFAULTS = { copyTimeoutMs: 600_000, retryBackoff: { baseMs: 200, capMs: 2_000 } };

/**
 * Flushes every shard: first the batches that earlier flushes left, then what has been counted since.
 *
 * A batch that fails does not stop the others. Safe to call at any time, from any number of processes, and again after
 * any error.
 *
 * @throws FatalError PULSE_FLUSH_MISMATCH A batch does not have the counts of its seal. It stays in Redis unchanged, and
 * everything else was flushed.
 * @throws TransientError A server did not answer. What was not flushed stays in Redis for the next call.
 */
export async function flushAll(
  { onStep = () => undefined, tracing = NO_TRACING, ...given }: FlushDeps,
  options: FlushOptions = {},
): Promise<FlushReport> {
  const deps = { ...given, onStep, tracing };
  const startedAtMs = performance.now();
  const tally: Tally = {
    rowCount: 0,
    pulseCount: 0n,
    batchCount: 0,
    leftoverCount: 0,
    alreadyFlushedCount: 0,
    skippedCount: 0,
    failures: [],
  };
  for (let shard = 0; shard < deps.accumulator.shards; shard++) {
    try {
      await flushShard(deps, { shard, options, tally });
    } catch (error) {
      tally.failures.push(asError(error));
    }
  }
  const { failures, ...sums } = tally;
  const report = { ...sums, seconds: (performance.now() - startedAtMs) / 1000 };
  const facts = { ...report, pulseCount: String(report.pulseCount), failureCount: failures.length };
  deps.logger.info(facts, 'flush ended');
  if (failures.length > 0) throw combine(failures);
  return report;
}

async function flushShard(
  deps: Required<FlushDeps>,
  { shard, options, tally }: { shard: number; options: FlushOptions; tally: Tally },
): Promise<void> {
  const leftovers = await deps.accumulator.listSealed(shard);
  tally.leftoverCount += leftovers.length;
  let blocked = false;
  for (const batch of leftovers) {
    const end = await flushIntoTally(deps, { batch, options, tally });
    blocked ||= end === 'skipped' || end === 'failed';
  }
  // If batches cannot be written, sealing more would only pile them up; pulses are still added to `live`.
  // A mismatched batch waits for a person, and blocks nothing.
  if (blocked) return;

  // 1. Seal. From now on the batch is in the shard's index under its own id, and new pulses go to another
  //    batch. After a crash here, the next flush finds it in the index.
  const batch = await deps.accumulator.seal(shard);
  if (batch === null) return;
  await deps.onStep('sealed', batch);
  await flushIntoTally(deps, { batch, options, tally });
}

/** Steps 2 to 5 for one sealed batch. */
async function flushBatch(
  deps: Required<FlushDeps>,
  batch: SealedBatch,
  { copyTimeoutMs, deduplicate }: { copyTimeoutMs: number; deduplicate: boolean },
): Promise<BatchOutcome> {
  const { accumulator, pool, onStep } = deps;
  const { batchId } = batch;
  if (batch.rowCount === 0) return await settleVanished(deps, batch);
  await ensurePartitions(pool, batch);

  const outcome = await withTransaction(pool, async (client): Promise<BatchOutcome> => {
    if (!(await claimBatch(client, { batchId, copyTimeoutMs }))) return 'skipped';

    // 2. Enter the batch in the ledger, with ids for its rows; if it is there already, only step 5 remains.
    //    After a crash here: rolled back, and the batch is still sealed in Redis.
    const recorded = await recordBatch(client, batch);
    if (typeof recorded !== 'number') {
      assertSameCounts(batch, recorded, 'the ledger has');
      return 'already_flushed';
    }
    await onStep('recorded', batch);

    // 3. Stream the rows, and note where they are, and which hours they are of. After a crash here: rolled back, and the
    //    batch is still sealed in Redis.
    const copied = await copyRows(client, accumulator.readSums(batch), {
      batchId,
      firstId: recorded,
      idCount: batch.rowCount,
      timeoutMs: copyTimeoutMs,
      deduplicate,
    });
    await recordBlocks(client, batch, copied.blocks);
    await recordHours(client, batch, recorded);
    await onStep('copied', batch);

    // 4. Compare with the counts and the checksum of the seal, then COMMIT. After a crash in between, or if the reply to COMMIT is
    //    lost, the ledger tells the next flush whether it was committed.
    assertSameCounts(batch, copied, 'its scan returned');
    assertSameAmount(batch, copied.amount);
    await onStep('checked', batch);
    return 'flushed';
  });
  if (outcome === 'skipped') return outcome;
  await onStep('committed', batch);

  // 5. Discard the copy in Redis. After a crash before it, the next flush finds the ledger entry and discards it.
  await accumulator.discardSealed(batch);
  await onStep('discarded', batch);
  return outcome;
}

/** A batch is in the index, but its sums are missing: nothing is lost if the ledger has it. */
async function settleVanished(
  { accumulator, pool }: FlushDeps,
  batch: SealedBatch,
): Promise<BatchOutcome> {
  const entry = await withTransaction(pool, (client) => findBatch(client, batch.batchId));
  if (entry === undefined) {
    throw new FatalError(
      'PULSE_FLUSH_MISMATCH',
      `Batch ${batch.batchId} of shard ${batch.shard} was sealed and never flushed, and its sums ` +
        'are missing in Redis. Was Redis emptied, restored, or allowed to evict keys?',
    );
  }
  await accumulator.discardSealed(batch);
  return 'already_flushed';
}

/** Retries after transient errors, and once after a mismatch, then dropping repeated keys. */
async function flushBatchWithRetries(
  deps: Required<FlushDeps>,
  batch: SealedBatch,
  { copyTimeoutMs, retryBackoff }: Required<FlushOptions>,
): Promise<BatchOutcome> {
  let deduplicate = false;
  for (let attempt = 1; ; attempt++) {
    try {
      return await flushBatch(deps, batch, { copyTimeoutMs, deduplicate });
    } catch (error) {
      const facts = { err: error, shard: batch.shard, batchId: batch.batchId, attempt };
      if (isMismatch(error) && !deduplicate) {
        deduplicate = true;
      } else if (!(error instanceof TransientError) || attempt >= ATTEMPTS) {
        deps.logger.error(facts, 'batch not flushed');
        throw error;
      }
      deps.logger.warn(facts, 'batch not flushed; retrying');
      if (!isMismatch(error)) await sleep(backoffDelayMs(attempt, retryBackoff));
    }
  }
}

async function flushIntoTally(
  deps: Required<FlushDeps>,
  { batch, options, tally }: { batch: SealedBatch; options: FlushOptions; tally: Tally },
): Promise<BatchOutcome | 'mismatched' | 'failed'> {
  const startedAtMs = performance.now();
  try {
    const outcome = await traceFlushBatch(deps.tracing, batch, () =>
      flushBatchWithRetries(deps, batch, { ...DEFAULTS, ...options }),
    );
    if (outcome === 'skipped') tally.skippedCount += 1;
    if (outcome === 'already_flushed') tally.alreadyFlushedCount += 1;
    if (outcome === 'flushed') {
      tally.batchCount += 1;
      tally.rowCount += batch.rowCount;
      tally.pulseCount += batch.pulseCount;
    }
    const { shard, batchId, rowCount } = batch;
    const seconds = (performance.now() - startedAtMs) / 1000;
    const pulseCount = String(batch.pulseCount);
    deps.logger.info({ outcome, shard, batchId, rowCount, pulseCount, seconds }, 'batch settled');
    return outcome;
  } catch (error) {
    tally.failures.push(asError(error));
    return isMismatch(error) ? 'mismatched' : 'failed';
  }
}

function assertSameCounts(batch: SealedBatch, found: LedgerEntry, source: string): void {
  if (found.rowCount === batch.rowCount && found.pulseCount === batch.pulseCount) return;
  throw new FatalError(
    'PULSE_FLUSH_MISMATCH',
    `Batch ${batch.batchId} of shard ${batch.shard} was sealed with ${batch.rowCount} rows of ` +
      `${String(batch.pulseCount)} pulses, but ${source} ${found.rowCount} rows of ` +
      `${String(found.pulseCount)}. It is still sealed in Redis, unchanged.`,
  );
}

function assertSameAmount({ batchId, shard, amount }: SealedBatch, found: string): void {
  if (found === amount) return;
  throw new FatalError(
    'PULSE_FLUSH_MISMATCH',
    `Batch ${batchId} of shard ${shard} was sealed with amounts that add up to ${amount}, but those that its scan ` +
      `returned add up to ${found}. It is still sealed in Redis, unchanged.`,
  );
}

function isMismatch(error: unknown): boolean {
  return error instanceof PulseError && error.code === 'PULSE_FLUSH_MISMATCH';
}

/** A single failure is thrown as it is; several become one of the most serious kind. */
function combine(failures: readonly Error[]): Error {
  const [first, ...others] = failures;
  if (first !== undefined && others.length === 0) return first;
  const cause = new AggregateError(failures);
  const message = `${failures.length} batches or shards were not flushed: ${failures
    .map((failure) => failure.message)
    .join(' ')}`;
  if (failures.some(isMismatch)) return new FatalError('PULSE_FLUSH_MISMATCH', message, { cause });
  return failures.every((failure) => failure instanceof TransientError)
    ? new TransientError('PULSE_FLUSH_FAILED', message, { cause })
    : new FatalError('PULSE_FLUSH_FAILED', message, { cause });
}

function asError(error: unknown): Error {
  return error instanceof Error
    ? error
    : new Error('Something other than an error was thrown.', { cause: error });
}

/**
 * Steps 3 to 5 of ingest: what must be durable before a batch may be acknowledged.
 *
 * Nothing here acknowledges. If the process dies after any line, the broker delivers the whole batch
 * again: dead letters are dropped by their id in the quarantine, applied ids are refused in Redis.
 */
import assert from 'node:assert/strict';
import type { Accumulator, ApplyResult } from '../aggregate/accumulator.ts';
import { toDeadLetterPublication } from '../contract/dead-letter.ts';
import { PulseError, RejectedError, TransientError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';
import type { Rejection } from '../contract/rejection.ts';
import { backoffDelayMs, sleep } from '../platform/backoff.ts';
import type { Batch, RejectedPulse } from './batch.ts';
import type { IngestStep } from './ingest-steps.ts';
import { noCounts, type IngestCounts } from './thread-messages.ts';

export interface SettleDeps {
  readonly accumulator: Pick<Accumulator, 'apply'>;
  /** Resolves when the broker has confirmed the dead letter. */
  readonly publishDeadLetter: (publication: Publication) => Promise<void>;
  readonly deadExchange: string;
  /** Called after each step; fault tests stop the process here. */
  readonly onStep: (step: IngestStep) => void;
  /** How long a failing step is repeated on the spot before the batch is given back to the broker. */
  readonly retryForMs: number;
  readonly signal: AbortSignal;
}

const OVERFLOW: Rejection = {
  reason: 'sum_overflow',
  detail: 'The sum of this tenant, SKU, unit and hour would exceed 9223372036854775807.',
};

const RETRY = { baseMs: 50, capMs: 2_000 };

/**
 * Dead-letters what is bad in the batch, then applies the rest, one atomic call per shard.
 *
 * @throws TransientError when the broker or Redis stayed away for `retryForMs`: the batch may have been
 * applied, and is safe to take again. FatalError when what Redis holds is not ours.
 */
export async function settleBatch(batch: Batch, deps: SettleDeps): Promise<IngestCounts> {
  deps.onStep('folded');
  // 3. Bad pulses, confirmed. Dying after it: redelivered, and the quarantine drops the second copy.
  const rejected = [...batch.rejected];
  await publishAll(rejected, deps);
  deps.onStep('dead-lettered');

  // 4, 5. The sums, atomic per shard; Redis replies after its fsync. Dying after it: redelivered, ids are seen.
  const startedMs = performance.now();
  const counts = noCounts();
  const overflowing: RejectedPulse[] = [];
  const applyPart = async (shard: number): Promise<void> => {
    const fold = batch.parts.get(shard)?.fold;
    if (fold === undefined) return;
    const folded = fold.fold();
    let attempts = 0;
    const apply = (): Promise<ApplyResult> => {
      attempts += 1;
      return deps.accumulator.apply(shard, folded);
    };
    const result = await persist(apply, deps);
    // An attempt whose answer was lost may have applied; only ids tell.
    counts.redeliveredWithoutId += (attempts - 1) * fold.withoutIdCount;
    counts.counted += result.counted;
    counts.duplicates += result.duplicates;
    for (const position of result.refused) {
      overflowing.push(batch.rejectedByShard(shard, position, OVERFLOW));
    }
  };
  await Promise.all([...batch.parts.keys()].map(applyPart));
  counts.applySeconds.push((performance.now() - startedMs) / 1000);
  await publishAll(overflowing, deps);
  deps.onStep('applied');

  rejected.push(...overflowing);
  assert.equal(counts.counted + counts.duplicates + rejected.length, batch.pulseCount);
  counts.received = batch.pulseCount;
  counts.deliveries = batch.deliveries.count;
  counts.batches = 1;
  counts.batchPulses.push(batch.pulseCount);
  counts.redeliveredWithoutId += batch.redeliveredWithoutId;
  for (const { rejection } of rejected) {
    counts.deadLettered[rejection.reason] = (counts.deadLettered[rejection.reason] ?? 0) + 1;
  }
  return counts;
}

async function publishAll(rejected: readonly RejectedPulse[], deps: SettleDeps): Promise<void> {
  // Built once, not per attempt: the id of a pulse without identity is random.
  const publications = rejected.map((pulse) => toDeadLetterPublication(deps.deadExchange, pulse));
  await Promise.all(
    publications.map((publication) =>
      persist(() => deps.publishDeadLetter(publication), deps).catch((error: unknown) => {
        if (!(error instanceof RejectedError)) throw error;
        // A foreign property that cannot be sent on must not keep its pulse out of the quarantine.
        return persist(() => deps.publishDeadLetter(withoutForeignParts(publication)), deps);
      }),
    ),
  );
}

function withoutForeignParts({ exchange, routingKey, body, headers }: Publication): Publication {
  const own = Object.entries(headers ?? {}).filter(([name]) => name.startsWith('x-pulse-'));
  return { exchange, routingKey, body, headers: Object.fromEntries(own) };
}

/** Repeats an idempotent step while it fails for a passing reason, for at most `retryForMs`. */
async function persist<T>(
  step: () => Promise<T>,
  { retryForMs, signal }: Pick<SettleDeps, 'retryForMs' | 'signal'>,
): Promise<T> {
  const deadlineMs = performance.now() + retryForMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      const passing = error instanceof PulseError && error.retryable;
      if (!passing || performance.now() >= deadlineMs) throw error;
      if (signal.aborted) throw new TransientError('PULSE_INGEST_CLOSED', 'Ingest is closing.');
    }
    await sleep(backoffDelayMs(attempt, RETRY), signal);
  }
}

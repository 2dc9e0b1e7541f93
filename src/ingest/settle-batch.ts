/**
 * Steps 3 to 5 of ingest: what must be durable before a batch may be acknowledged.
 *
 * Nothing here acknowledges. If the process dies after any line, the broker redelivers the whole batch: the quarantine
 * drops repeated dead letters by their id, and the fold of the journal does not count an id twice.
 *
 * Good pulses depend on Redis alone. While dead letters cannot be published, only the deliveries that contain refused
 * pulses wait.
 */
import assert from 'node:assert/strict';
import type { Accumulator } from '../aggregate/accumulator.ts';
import { TransientError } from '../core/errors.ts';
import { backoffDelayMs, sleep } from '../platform/backoff.ts';
import type { Admission } from './admission.ts';
import type { Batch, ShardPart } from './batch.ts';
import { decideUnadmitted } from './decide-unadmitted.ts';
import type { IngestStep } from './ingest-steps.ts';
import type { RefusedDeliveries } from './refused-deliveries.ts';
import { noCounts, type IngestCounts } from './thread-messages.ts';
import { addUsages } from './unsubscribed-usage.ts';

export interface SettleDeps {
  readonly accumulator: Pick<Accumulator, 'append'>;
  readonly refused: Pick<RefusedDeliveries, 'deadLetter'>;
  readonly admission: Admission;
  /** Called after each step; fault tests stop the process here. */
  readonly onStep: (step: IngestStep) => void;
  /** How long to retry a failing append before the batch fails and the broker redelivers it. */
  readonly retryForMs: number;
  readonly signal: AbortSignal;
}

/** Below the 30 minutes after which RabbitMQ closes a channel with unacknowledged deliveries. */
const WAIT_FOR_ROOM_MS = 20 * 60_000;
const WAITED_MS_MAX = 18 * 60_000;
const RETRY = { baseMs: 50, capMs: 2_000 };

/**
 * Dead-letters the bad pulses of the batch, then appends the rest to the journal, with one atomic call for each shard.
 *
 * @throws TransientError when Redis was unavailable for `retryForMs`, or the journal full for far longer: the batch may
 * have been appended, and is safe to redeliver. FatalError when Redis holds something that is not Pulse's.
 */
export async function settleBatch(batch: Batch, deps: SettleDeps): Promise<IngestCounts> {
  deps.onStep('folded');
  // 3. Bad pulses, confirmed; or held, if dead letters cannot be published. After a crash here: redelivered, and the
  // quarantine drops the second copy.
  const deciding = decideUnadmitted(batch, deps);
  const rejected = [...batch.rejected];
  // With `observe` nothing waits for the decision, which never fails then.
  if (deps.admission.mode === 'enforce') rejected.push(...(await deciding).refused);
  await deps.refused.deadLetter(rejected, waitedMsOf(batch));
  deps.onStep('dead-lettered');

  // 4, 5. The journal, one entry a shard; Redis replies after its fsync. After a crash here: redelivered, and the second
  // copy of an id is a duplicate.
  const startedMs = performance.now();
  const counts = noCounts();
  const appendPart = async ({ shard, entry }: ShardPart): Promise<void> => {
    const { pulseCount } = entry;
    // All its pulses were refused.
    if (pulseCount === 0) return;
    const bytes = entry.toEntry();
    const append = (): Promise<void> => deps.accumulator.append(shard, pulseCount, bytes);
    const unanswered = await persist(append, deps, waitedMsOf(batch));
    // Such an attempt may have been applied; without ids nothing can tell.
    counts.redeliveredWithoutId += unanswered * entry.withoutIdCount;
    counts.appended += pulseCount;
  };
  await Promise.all([...batch.parts.values(), ...batch.lateParts.values()].map(appendPart));
  counts.applySeconds.push((performance.now() - startedMs) / 1000);
  deps.onStep('applied');

  const { unsubscribed, unverified, usages } = await deciding;
  counts.unsubscribed = unsubscribed;
  counts.unverified = unverified;
  addUsages(counts.unsubscribedUsages, usages.values());
  assert.equal(counts.appended + rejected.length, batch.pulseCount);
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

/**
 * Retries an append after transient errors, for at most `retryForMs`; while the journal is full, for as long as a batch
 * may wait: nothing was written then, and a redelivery would count pulses without an id again that another shard has.
 *
 * @param waitedBeforeMs Of the time that a batch may wait for room, what has passed.
 * @returns How many attempts were not answered.
 */
async function persist(
  append: () => Promise<void>,
  { retryForMs, signal }: Pick<SettleDeps, 'retryForMs' | 'signal'>,
  waitedBeforeMs: number,
): Promise<number> {
  const startedMs = performance.now();
  let unanswered = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      await append();
      return unanswered;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const isFull = error.code === 'PULSE_JOURNAL_FULL';
      if (!isFull) unanswered += 1;
      const waitedMs = performance.now() - startedMs;
      if (waitedMs >= (isFull ? WAIT_FOR_ROOM_MS - waitedBeforeMs : retryForMs)) throw error;
      if (signal.aborted) throw new TransientError('PULSE_INGEST_CLOSED', 'Ingest is closing.');
    }
    await sleep(backoffDelayMs(attempt, RETRY), signal);
  }
}

/** Behind a batch that waits for room, others wait as well. A clock that was set must not end that at once. */
function waitedMsOf({ receivedAtMs }: Pick<Batch, 'receivedAtMs'>): number {
  return Math.min(Math.max(0, Date.now() - receivedAtMs), WAITED_MS_MAX);
}

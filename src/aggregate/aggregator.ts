/**
 * The aggregator of one shard: folds the journal into the live sums, round after round, while it holds the shard's
 * lease.
 */
import { randomUUID } from 'node:crypto';
import { FatalError, PulseError } from '../core/errors.ts';
import { backoffDelayMs, sleep } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { createOutageLog, type OutageLog } from '../platform/outage-log.ts';
import { RedisClock, type RedisTime } from './redis-clock.ts';
import { loadRounds, type Rounds, type RoundsOptions } from './rounds.ts';
import { leaseLost } from './shard-calls.ts';

export interface AggregatorOptions extends RoundsOptions {
  readonly logger: Logger;
}

/** A dead aggregator's lease ends after this time. */
const LEASE_MS = 3_000;
const RENEW_MS = 1_000;
const ASK_AGAIN_MS = 500;
/** How long a stop may go on folding. */
const LAST_ROUNDS_MS = 2_000;
const RETRY = { baseMs: 50, capMs: 1_000 };

/** What an aggregator has in memory, also while it does not hold the lease. */
interface Memory {
  rounds: Rounds | undefined;
}

/**
 * Folds whenever it can get the lease, until `signal` is aborted. Commits what it has folded then, and releases the
 * lease.
 *
 * @throws FatalError Redis holds something that is not Pulse's.
 */
export async function aggregateShard(
  options: AggregatorOptions,
  signal: AbortSignal,
): Promise<void> {
  const { shard, journal, logger } = options;
  const outage = createOutageLog({
    logger,
    facts: { shard },
    failedText: 'the journal is not folded',
    endedText: 'the journal is folded again',
  });
  const clock = new RedisClock((jumpSec) => {
    logger.warn({ shard, jumpSec }, CLOCK_JUMPED);
  });
  const memory: Memory = { rounds: undefined };
  let refusals = 0;
  for (let failures = 0; !signal.aborted;) {
    const token = randomUUID();
    try {
      const request = { action: 'take', milliseconds: LEASE_MS } as const;
      const timeSec = await journal.lease(shard, token, request);
      if (timeSec === undefined) {
        refusals += 1;
        // Its own lease from before has ended by then: another aggregator folds.
        if (refusals * ASK_AGAIN_MS > LEASE_MS) memory.rounds = undefined;
        await sleep(ASK_AGAIN_MS, signal);
        continue;
      }
      refusals = 0;
      const time = clock.read(timeSec, performance.now());
      await foldWhileHeld(options, { token, time, clock, outage, memory }, signal);
      failures = 0;
    } catch (error) {
      if (error instanceof FatalError || !(error instanceof PulseError)) throw error;
      failures += 1;
      if (error.code === 'PULSE_REDIS_LEASE') logger.info({ shard }, LEASE_LOST);
      else outage.failed(error);
      await sleep(backoffDelayMs(failures, RETRY), signal);
    } finally {
      await journal.lease(shard, token, { action: 'release' }).catch(() => undefined);
    }
  }
}

const LEASE_LOST = 'lost the lease of a shard; asking for it again';
const CLOCK_JUMPED = 'the clock of Redis has jumped; no ids are forgotten until it runs evenly';

interface Hold {
  readonly token: string;
  /** When the lease was taken. */
  readonly time: RedisTime;
  readonly clock: RedisClock;
  readonly outage: OutageLog;
  readonly memory: Memory;
}

async function foldWhileHeld(
  options: AggregatorOptions,
  { token, time, clock, outage, memory }: Hold,
  signal: AbortSignal,
): Promise<void> {
  const lease = keepLease(options, { token, time, clock });
  try {
    const rounds = await takeUpRounds(options, { token, memory }, signal);
    rounds.turn(time);
    while (!signal.aborted) {
      if (!lease.isHeld) throw leaseLost();
      await rounds.step();
      outage.ended();
      await rounds.settle(lease.time);
    }
    // What this process has appended before it stops becomes visible with it.
    const deadlineMs = performance.now() + LAST_ROUNDS_MS;
    while ((await rounds.step()) > 0 && performance.now() < deadlineMs);
    await rounds.commit();
  } finally {
    lease.end();
  }
}

/** Those in memory if nobody has committed since, otherwise what Redis has. */
async function takeUpRounds(
  options: AggregatorOptions,
  { token, memory }: Pick<Hold, 'token' | 'memory'>,
  signal: AbortSignal,
): Promise<Rounds> {
  const isKept = await memory.rounds?.resume(token);
  // Before the load, so that both are never in memory.
  if (isKept !== true) memory.rounds = undefined;
  memory.rounds ??= await loadRounds(options, token, signal);
  return memory.rounds;
}

/** Renews the lease. Whoever has lost it finds out soon, and at the latest when its next commit is refused. */
function keepLease(
  { shard, journal }: AggregatorOptions,
  { token, time, clock }: Pick<Hold, 'token' | 'time' | 'clock'>,
) {
  const lease = {
    isHeld: true,
    /** When it was last renewed, by Redis' clock. */
    time,
    end: (): void => {
      clearInterval(timer);
    },
  };
  const renew = (): void => {
    journal.lease(shard, token, { action: 'renew', milliseconds: LEASE_MS }).then(
      (timeSec) => {
        lease.isHeld = timeSec !== undefined;
        if (timeSec !== undefined) lease.time = clock.read(timeSec, performance.now());
      },
      () => undefined,
    );
  };
  const timer = setInterval(renew, RENEW_MS);
  return lease;
}

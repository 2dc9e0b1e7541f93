/** Balances the books at intervals, and watches what waits for Postgres. */
import type { Registry } from 'prom-client';
import { readAllBooks, type Accumulator, type ShardBooks } from '../aggregate/accumulator.ts';
import type { Logger } from '../platform/logger.ts';
import { addSampledGauge, addSampledGauges } from '../platform/metrics.ts';
import { startWatch, type Watch } from '../platform/watch.ts';
import { balanceShards, type BooksDeps, type ShardBalance } from './books.ts';
import { readCron } from './cron-clock.ts';

/** Whether the books balance, exactly. */
export interface BooksVerdict {
  readonly at: Date;
  /** Of all shards together; see books.ts. */
  readonly drift: bigint;
  readonly journalDrift: bigint;
  /** Whether both are zero in each shard. */
  readonly balanced: boolean;
}

interface Held {
  readonly pulses: number;
  readonly keys: number;
}

export interface BooksSight {
  readonly verdict: BooksVerdict;
  /** Pulses that were lost, and pulses that were counted twice. A surplus of one shard does not offset another's loss. */
  readonly drift: Readonly<Record<'missing' | 'surplus', number>>;
  readonly journalled: number;
  readonly journalBytes: number;
  /** When the oldest entry that is not folded was appended, by Redis's clock. */
  readonly journalSinceMs: number | undefined;
  readonly live: Held;
  readonly sealed: Held;
  readonly sealedBatches: number;
  readonly seenIds: number;
  /** When the oldest sum that is not in Postgres was opened, by Redis's clock. */
  readonly unflushedSinceMs: number | undefined;
}

export interface BooksWatchOptions extends BooksDeps {
  readonly accumulator: Pick<Accumulator, 'shards' | 'readBooks'>;
  readonly logger: Logger;
}

const INTERVAL_MS = 15_000;

/** Each time, for each shard: a few reads of Redis and one sum over the ledger. */
export function startBooksWatch({ accumulator, pool, logger }: BooksWatchOptions) {
  return startWatch({
    name: 'books',
    intervalMs: INTERVAL_MS,
    logger,
    async look(): Promise<BooksSight> {
      const balances = await balanceShards({ accumulator, pool });
      return toSight(balances, await readAllBooks(accumulator));
    },
  });
}

/** @param cron When sums go to Postgres. */
export function addBooksMetrics(
  registry: Registry,
  { watch, cron }: { watch: Pick<Watch<BooksSight>, 'latest'>; cron: string },
): void {
  const clock = readCron(cron);
  addSampledGauges(registry, {
    name: 'pulse_books_drift_pulses',
    help: 'Pulses by which the books do not balance: missing ones were lost, surplus ones were counted twice. Must be 0.',
    label: 'direction',
    read: () => ({ ...watch.latest?.drift }),
  });
  addSampledGauges(registry, {
    name: 'pulse_pending_pulses',
    help: 'Pulses in Redis and not yet in Postgres: in the journal, in live sums, or sealed for a flush.',
    label: 'state',
    read: () => ({
      ...mapHeld(watch.latest, ({ pulses }) => pulses),
      ...(watch.latest && { journalled: watch.latest.journalled }),
    }),
  });
  addSampledGauges(registry, {
    name: 'pulse_pending_keys',
    help: 'Distinct sums in Redis that are not yet rows in Postgres.',
    label: 'state',
    read: () => mapHeld(watch.latest, ({ keys }) => keys),
  });
  addSampledGauge(registry, {
    name: 'pulse_sealed_batches',
    help: 'Batches sealed and not yet in Postgres. More than one for each shard, or one that stays, means that flushes failed.',
    read: () => watch.latest?.sealedBatches,
  });
  addSampledGauge(registry, {
    name: 'pulse_journal_bytes',
    help: 'Bytes of pulses that are in the journal and not folded; ingest stops at JOURNAL_BYTES_MAX a shard.',
    read: () => watch.latest?.journalBytes,
  });
  addSampledGauge(registry, {
    name: 'pulse_journal_age_seconds',
    help: "Age, by Redis's clock, of the oldest pulses in the journal that are not folded; 0 when there are none.",
    read: () => watch.latest && ageSeconds(watch.latest.journalSinceMs),
  });
  addSampledGauge(registry, {
    name: 'pulse_seen_ids',
    help: 'Pulse ids that are remembered, about 13 bytes each in Redis.',
    read: () => watch.latest?.seenIds,
  });
  addSampledGauge(registry, {
    name: 'pulse_unflushed_age_seconds',
    help: "Age, by Redis's clock, of the oldest sum that is not in Postgres; 0 when there is none.",
    read: () => watch.latest && ageSeconds(watch.latest.unflushedSinceMs),
  });
  addSampledGauge(registry, {
    name: 'pulse_flush_missed_ticks',
    help: 'Ticks of FLUSH_CRON since the oldest sum that is not in Postgres was opened. 1 while a flush runs; 2 or more means that flushes were missed.',
    read: () => {
      if (watch.latest === undefined) return undefined;
      const { unflushedSinceMs: afterMs } = watch.latest;
      return afterMs === undefined ? 0 : clock.countTicks({ afterMs, untilMs: Date.now() });
    },
  });
}

function toSight(balances: readonly ShardBalance[], books: readonly ShardBooks[]): BooksSight {
  const live = books.flatMap((shard) => (shard.live === null ? [] : [shard.live]));
  const sealed = books.flatMap((shard) => shard.sealed);
  const drifts = balances.flatMap(({ drift, journalDrift }) => [drift, journalDrift].map(Number));
  const openedAtSec = [...live, ...sealed]
    .map((batch) => batch.openedAtSec)
    // A sealed batch whose sums are missing in Redis has no time.
    .filter((second) => second > 0);
  return {
    verdict: toVerdict(balances),
    drift: {
      missing: sum(drifts.map((drift) => Math.max(0, drift))),
      surplus: sum(drifts.map((drift) => Math.max(0, -drift))),
    },
    journalled: sum(books.map(({ journalled }) => Number(journalled))),
    journalBytes: sum(books.map(({ journalBytes }) => journalBytes)),
    journalSinceMs: earliest(books.flatMap(({ journalSinceMs }) => journalSinceMs ?? [])),
    live: heldIn(live),
    sealed: heldIn(sealed),
    sealedBatches: sealed.length,
    seenIds: sum(books.map(({ seenIdCount }) => seenIdCount)),
    unflushedSinceMs: earliest(openedAtSec.map((second) => second * 1000)),
  };
}

function toVerdict(balances: readonly ShardBalance[]): BooksVerdict {
  const total = (name: 'drift' | 'journalDrift'): bigint =>
    balances.reduce((sum, balance) => sum + balance[name], 0n);
  return {
    at: new Date(),
    drift: total('drift'),
    journalDrift: total('journalDrift'),
    balanced: balances.every(({ drift, journalDrift }) => drift === 0n && journalDrift === 0n),
  };
}

function earliest(timesMs: readonly number[]): number | undefined {
  return timesMs.length === 0 ? undefined : Math.min(...timesMs);
}

function ageSeconds(sinceMs: number | undefined): number {
  return sinceMs === undefined ? 0 : Math.max(0, Date.now() - sinceMs) / 1000;
}

function heldIn(batches: ShardBooks['sealed']): Held {
  return {
    pulses: sum(batches.map(({ pulseCount }) => Number(pulseCount))),
    keys: sum(batches.map(({ rowCount }) => rowCount)),
  };
}

function mapHeld(
  sight: BooksSight | undefined,
  read: (held: Held) => number,
): Record<string, number> {
  return sight === undefined ? {} : { live: read(sight.live), sealed: read(sight.sealed) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

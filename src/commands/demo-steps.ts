/** The steps of the demo: publish, wait until all is counted, flush, read back and compare. */
import type { Accumulator } from '../aggregate/accumulator.ts';
import { FatalError } from '../core/errors.ts';
import { verifyBooks } from '../flush/books.ts';
import { flushAll } from '../flush/flush.ts';
import { sleep } from '../platform/backoff.ts';
import { generatePulses } from '../populate/generate-pulses.ts';
import { startPopulateRun } from '../populate/populate.ts';
import { countDeadLetters } from '../quarantine/dead-letters-query.ts';
import type { CommandRun } from '../cli/command.ts';
import { readAllRows } from './demo-api.ts';
import type { AnsweredRow, DemoLedger } from './demo-ledger.ts';
import type { DemoResult } from './demo-report.ts';
import { startProgress } from '../cli/progress.ts';
import type { Clients } from '../cli/clients.ts';

export interface DemoContext {
  readonly run: CommandRun;
  readonly clients: Clients;
  readonly accumulator: Accumulator;
}

const TRAFFIC = { tenants: 40, skus: 12, units: 3, hours: 6, duplicateRatio: 0.02, badRatio: 0.01 };
const PUBLISHERS = { workers: 2, buffer: 1_000 };
const POLL_MS = 100;
const STALLED_MS = 60_000;
const SAMPLE_ROWS = 5;

/** Publishes the generated traffic and returns how many pulses the broker has confirmed. */
export async function publishAll(
  { run, clients }: DemoContext,
  ledger: DemoLedger,
  { pulses: total, seed }: { pulses: number; seed: number },
): Promise<number> {
  const generated = generatePulses({
    ...TRAFFIC,
    seed,
    count: total,
    runId: `demo-${seed}-${Date.now()}`,
    nowMs: Date.now(),
  });
  const populate = startPopulateRun(
    {
      url: clients.servers.rabbitmqUrl,
      queue: run.config.queue,
      logger: run.logger,
      pulses: ledger.note(generated),
      signal: run.stop,
    },
    { total, ...PUBLISHERS },
  );
  const bar = startProgress('publishing', total, run);
  const drawing = setInterval(() => {
    bar.update(populate.progress().confirmed);
  }, POLL_MS);
  const { confirmed, error } = await populate.done;
  clearInterval(drawing);
  bar.update(confirmed);
  bar.stop();
  if (error !== null) throw new FatalError('PULSE_DEMO_FAILED', `Publishing failed: ${error}`);
  return confirmed;
}

/**
 * Waits until every published pulse is counted, refused as duplicate, or quarantined. Each of the three by
 * itself: a delivery that is repeated adds to the duplicates, and must not make up for a pulse still waiting.
 */
export async function countAll(context: DemoContext, { counts }: DemoLedger): Promise<void> {
  const { run } = context;
  const published = counts.good + counts.duplicate + counts.bad;
  const bar = startProgress('counting', published, run);
  let lastSettled = -1;
  let movedAtMs = performance.now();
  try {
    for (;;) {
      const books = await verifyBooks({
        accumulator: context.accumulator,
        pool: context.clients.pool,
      });
      const settled =
        Math.min(Number(books.counted), counts.good) +
        Math.min(Number(books.duplicates), counts.duplicate) +
        Math.min(Number(books.deadLetters), counts.bad);
      bar.update(settled);
      if (settled >= published || run.stop.aborted) return;
      if (settled !== lastSettled) movedAtMs = performance.now();
      lastSettled = settled;
      if (performance.now() - movedAtMs > STALLED_MS) {
        throw new FatalError(
          'PULSE_DEMO_FAILED',
          `Counting stands still at ${settled} of ${published} pulses.`,
        );
      }
      await sleep(POLL_MS, run.stop);
    }
  } finally {
    bar.stop();
  }
}

/** Flushes, reads every row through the API, and compares the sums with what was sent. */
export async function readBack(
  { run, clients, accumulator }: DemoContext,
  ledger: DemoLedger,
  login: { api: string; username: string; password: string },
): Promise<Omit<DemoResult, 'published' | 'seconds'>> {
  const { pool } = clients;
  await flushAll({ accumulator, pool, logger: run.logger });
  const sample: AnsweredRow[] = [];
  let rowCount = 0;
  let pulseCount = 0;
  for await (const row of readAllRows(login)) {
    ledger.answered(row);
    if (sample.length < SAMPLE_ROWS) sample.push(row);
    rowCount += 1;
    pulseCount += row.pulse_count;
  }
  const books = await verifyBooks({ accumulator, pool });
  const { byReason } = await countDeadLetters(pool);
  const counted = Number(books.counted);
  const drift = books.balanced ? counted - pulseCount : Number(books.drift);
  const differences = ledger.differences();
  const sent = ledger.counts;
  return {
    counted,
    duplicates: Number(books.duplicates),
    deadLetters: Number(books.deadLetters),
    rowCount,
    drift,
    deadLettersByReason: byReason,
    differences,
    sample,
    agrees:
      books.balanced &&
      drift === 0 &&
      differences.length === 0 &&
      counted === sent.good &&
      books.duplicates === BigInt(sent.duplicate) &&
      books.deadLetters === BigInt(sent.bad),
  };
}

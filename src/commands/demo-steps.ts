/** The steps of the demo: publish, wait until all is counted, flush, read back and compare. */
import type { Clients } from '../cli/clients.ts';
import type { CommandRun } from '../cli/command.ts';
import { withProgress } from '../cli/progress.ts';
import { FatalError } from '../core/errors.ts';
import { verifyBooks, type Books } from '../flush/books.ts';
import { flushAll } from '../flush/flush.ts';
import { sleep } from '../platform/backoff.ts';
import { generatePulses } from '../populate/generate-pulses.ts';
import { startPopulateRun } from '../populate/populate.ts';
import { countDeadLettersByReason } from '../quarantine/quarantine-query.ts';
import { readAllRows, type DemoApi } from './demo-api.ts';
import type { AnsweredRow, DemoLedger } from './demo-ledger.ts';
import type { DemoResult } from './demo-report.ts';

export interface DemoContext {
  readonly run: CommandRun;
  readonly clients: Clients;
  readonly ledger: DemoLedger;
}

const TRAFFIC = { tenants: 40, skus: 12, units: 3, hours: 6, duplicateRatio: 0.02, badRatio: 0.01 };
const PUBLISHERS = { workers: 2, buffer: 1_000, pulsesPerMessage: 1 };
const POLL_MS = 100;
const STALLED_MS = 60_000;
const SAMPLE_ROWS = 5;

/** Publishes the generated traffic and returns how many pulses the broker has confirmed. */
export async function publishAll(
  { run, clients, ledger }: DemoContext,
  { pulses: total, seed }: { pulses: number; seed: number },
): Promise<number> {
  const nowMs = Date.now();
  const runId = `demo-${seed}-${nowMs}`;
  const { windowSeconds } = run.config.ingest;
  const traffic = { ...TRAFFIC, seed, count: total, runId, nowMs, windowSeconds };
  const generated = generatePulses(traffic);
  const publishing = startPopulateRun(
    {
      url: clients.servers.rabbitmqUrl,
      queue: run.config.queue,
      logger: run.logger,
      pulses: ledger.note(generated),
      signal: run.stop,
    },
    { total, ...PUBLISHERS },
  );
  const bar = { label: 'publishing', total, done: () => publishing.progress().confirmed };
  const { confirmed, error } = await withProgress(run, bar, publishing.done);
  if (error !== null) throw new FatalError('PULSE_DEMO_FAILED', `Publishing failed: ${error}`);
  return confirmed;
}

/** Waits until every published pulse is counted, refused as a duplicate, or quarantined. */
export async function countAll({ run, clients, ledger }: DemoContext): Promise<void> {
  const { good, duplicate, bad } = ledger.counts;
  const total = good + duplicate + bad;
  let settled = 0;
  const counting = async (): Promise<void> => {
    let movedAtMs = performance.now();
    while (!run.stop.aborted) {
      const before = settled;
      settled = settledOf(await verifyBooks(clients), ledger);
      if (settled >= total) return;
      if (settled !== before) movedAtMs = performance.now();
      if (performance.now() - movedAtMs > STALLED_MS) {
        throw new FatalError(
          'PULSE_DEMO_FAILED',
          `Counting has stalled at ${settled} of ${total} pulses.`,
        );
      }
      await sleep(POLL_MS, run.stop);
    }
  };
  await withProgress(run, { label: 'counting', total, done: () => settled }, counting());
}

/** Each kind has its limit: a redelivery adds to the duplicates, and must not stand in for a pulse still waiting. */
function settledOf({ counted, duplicates, deadLetters }: Books, { counts }: DemoLedger): number {
  return (
    Math.min(Number(counted), counts.good) +
    Math.min(Number(duplicates), counts.duplicate) +
    Math.min(Number(deadLetters), counts.bad)
  );
}

/** Flushes, reads every row through the API, and compares the sums with what was sent. */
export async function readBack(
  { run, clients, ledger }: DemoContext,
  api: DemoApi,
): Promise<Omit<DemoResult, 'published' | 'orders' | 'seconds'>> {
  await flushAll({ ...clients, logger: run.logger });
  const sample: AnsweredRow[] = [];
  let rowCount = 0;
  let pulseCount = 0;
  for await (const row of readAllRows(api)) {
    ledger.answered(row);
    if (sample.length < SAMPLE_ROWS) sample.push(row);
    rowCount += 1;
    pulseCount += row.pulse_count;
  }
  const books = await verifyBooks(clients);
  const { byReason } = await countDeadLettersByReason(clients.pool);
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

import type { Accumulator } from '../../src/aggregate/accumulator.ts';
import { IdFingerprints } from '../../src/aggregate/id-fingerprint.ts';
import { EntryWriter } from '../../src/aggregate/journal-entry.ts';
import { toSumField, toSumValue } from '../../src/aggregate/sum-field.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import { HOUR_SECONDS, windowStartSec } from '../../src/core/window.ts';
import { sleep } from '../../src/platform/backoff.ts';
import { startChild } from '../child-process.ts';
import { watchCpu } from '../cpu.ts';
import { createInstallation, DEDUPE_WINDOW_SECONDS } from '../installation.ts';
import { createEntryKeys } from '../entry-keys.ts';
import type { FoldJournalOrder } from '../processes/fold-journal.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';
import { keyNames } from '../traffic.ts';

const BATCH = 1_000;
/** Calls at a time, as an ingest thread has. */
const IN_FLIGHT = 2;
const SECRET = 'the secret of the bench';
const KEY_COUNT = 20_000;
const OTHER_KEY_COUNTS = [200, 1_000_000];
const EMPTY_TIMEOUT_MS = 60_000;

/**
 * The work of Redis for one pulse with a new id, without a broker: batches of 1,000, as fast as one process sends them.
 *
 * The reference is the least that Redis could do if a worker kept the sums itself and wrote each batch at once: one
 * native HSET of as many absolute sums as the batch has pulses, with the text that Pulse writes. It remembers no ids.
 */
export const journal: Scenario = {
  name: 'journal',
  measured: 'Redis CPU a pulse, appended and folded, 20,000 keys',
  against: 'one HSET of a sum for each pulse, without ids',
  unit: 'us/pulse',
  judgement: 'ratio at most',
  mustReach: 2,
  aim: 1,
  open: (context): Promise<OpenedScenario> => {
    const full = context.quick ? 100_000 : 1_000_000;
    let pulseCount = full;
    return Promise.resolve({
      prepare(warmUp) {
        pulseCount = warmUp ? 50_000 : full;
        return Promise.resolve();
      },
      async product(): Promise<Measured> {
        const main = await measureJournal(context, { keyCount: KEY_COUNT, pulseCount });
        const details: Record<string, number> = { fold_us: main.foldUs };
        for (const keyCount of pulseCount === full ? OTHER_KEY_COUNTS : []) {
          const { redisUs, foldUs } = await measureJournal(context, { keyCount, pulseCount });
          details[`redis_us_${keyCount}_keys`] = redisUs;
          details[`fold_us_${keyCount}_keys`] = foldUs;
        }
        return { value: main.redisUs, details };
      },
      reference: () => measureHset(context, { keyCount: KEY_COUNT, pulseCount }),
      // Each measurement was checked in itself, and its installation is gone.
      verify: () => Promise.resolve(),
      close: () => Promise.resolve(),
    });
  },
};

interface Size {
  readonly keyCount: number;
  readonly pulseCount: number;
}

/** CPU time a pulse, in microseconds. The fold's is that of its whole process, while it runs. */
async function measureJournal(
  context: BenchContext,
  size: Size,
): Promise<{ redisUs: number; foldUs: number }> {
  const installation = await createInstallation(context);
  const { redisUrl, accumulator } = installation;
  const child = startChild<FoldJournalOrder>('fold-journal');
  try {
    await child.ask({ kind: 'start', redisUrl, windowSeconds: DEDUPE_WINDOW_SECONDS });
    const fingerprints = new IdFingerprints(SECRET);
    const keyOf = createEntryKeys();
    await context.servers.rest();
    const endCpu = watchCpu({ ...context.servers.cpuRoots, node: child.pid });
    await sendAll(context, size, (pulses) => {
      const writer = new EntryWriter(fingerprints);
      for (const pulse of pulses) writer.add(pulse, keyOf(pulse));
      return accumulator.append(0, pulses.length, writer.toEntry());
    });
    await untilCounted(accumulator, size.pulseCount);
    const cpu = endCpu();
    const totals = await child.ask({ kind: 'stop' });
    assertCounted((totals as { counted: number }).counted, size.pulseCount);
    const { redis: redisTotal = 0, node = 0 } = cpu ?? {};
    return { redisUs: redisTotal / size.pulseCount, foldUs: node / size.pulseCount };
  } finally {
    await child.close();
    await installation.close();
  }
}

async function measureHset(context: BenchContext, size: Size): Promise<Measured> {
  const installation = await createInstallation(context);
  try {
    await context.servers.rest();
    const endCpu = watchCpu(context.servers.cpuRoots);
    await sendAll(context, size, async (pulses) => {
      const pairs = pulses.flatMap((pulse) => [
        toSumField(pulse),
        toSumValue(1, { high: 0, ...pulse.amount }),
      ]);
      await installation.redis.hset('bench:plain-hash', ...pairs);
    });
    const cpu = endCpu();
    return { value: (cpu?.redis ?? 0) / size.pulseCount };
  } finally {
    await installation.close();
  }
}

async function sendAll(
  context: BenchContext,
  { keyCount, pulseCount }: Size,
  send: (pulses: readonly Pulse[]) => Promise<void>,
): Promise<void> {
  const windowStart = windowStartSec(Date.parse(context.timestamp), HOUR_SECONDS);
  const prefix = String(context.nextNumber());
  let next = 0;
  const sendSome = async (): Promise<void> => {
    while (next < pulseCount) {
      const first = next;
      next += BATCH;
      const pulses = Array.from({ length: BATCH }, (_, index): Pulse => {
        const names = keyNames(Math.floor(Math.random() * keyCount));
        const amount = { whole: 3, nano: 500_000_000 };
        return { ...names, windowStartSec: windowStart, amount, id: `${prefix}-${first + index}` };
      });
      await send(pulses);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, sendSome));
}

async function untilCounted(
  accumulator: Pick<Accumulator, 'readBooks'>,
  pulseCount: number,
): Promise<void> {
  const deadlineMs = performance.now() + EMPTY_TIMEOUT_MS;
  while (Number((await accumulator.readBooks(0)).counted) < pulseCount) {
    if (performance.now() > deadlineMs) throw new Error('The journal is not folded.');
    await sleep(20);
  }
}

function assertCounted(counted: number, pulseCount: number): void {
  if (counted !== pulseCount) throw new Error(`${counted} of ${pulseCount} pulses were counted.`);
}

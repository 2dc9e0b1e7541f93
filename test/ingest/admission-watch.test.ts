import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import type { AdmissionRow } from '../../src/contract/admission.ts';
import { openAdmissionWatch } from '../../src/ingest/admission-watch.ts';
import { eventually } from '../support/eventually.ts';

const ROW: AdmissionRow = { id: 'one', tenant: 'acme', sku: null, intervals: [0, Infinity] };
const MOVED: AdmissionRow = { ...ROW, tenant: 'other' };
/** It never reads on its own. */
const NEVER_MS = 1e9;

/** A watch whose reads the test answers, in order. The first finds `ROW`. */
async function open(intervalMs = NEVER_MS) {
  const reads: { since: string | undefined; end: (rows: AdmissionRow[] | Error) => void }[] = [];
  const admitted: (readonly AdmissionRow[])[] = [];
  const registry = new Registry();
  const opening = openAdmissionWatch({
    read: ({ since }) =>
      new Promise((resolve, reject) => {
        const position = String(reads.length + 1);
        reads.push({
          since,
          end(rows) {
            if (rows instanceof Error) reject(rows);
            else resolve({ rows, position, isWhole: since === undefined });
          },
        });
      }),
    pulseAgeMaxMs: 1_000,
    logger: pino({ level: 'silent' }),
    registry,
    intervalMs,
  });
  reads[0]?.end([ROW]);
  const watch = await opening;
  watch.follow({ admit: (rows) => admitted.push(rows) });
  onTestFinished(async () => {
    const closed = watch.close();
    for (const { end } of reads) end([]);
    await closed;
  });
  const begun = (count: number) => eventually(() => reads.length).toBe(count);
  return { watch, reads, admitted, registry, begun };
}

test('a question is answered by a read that began after it, when its changes were passed on', async () => {
  const { watch, reads, admitted, begun } = await open();
  expect(watch.rows).toEqual([ROW]);
  const first = watch.refresh();
  await begun(2);
  let isAnswered = false;
  const second = watch.refresh().then((isFresh) => {
    isAnswered = true;
    return isFresh;
  });
  reads[1]?.end([]);
  expect(await first).toBe(true);
  await begun(3);
  expect(isAnswered).toBe(false);
  reads[2]?.end([MOVED]);
  expect(await second).toBe(true);
  expect(admitted).toEqual([[MOVED]]);
  expect(watch.rows).toEqual([MOVED]);
  expect(reads.map(({ since }) => since)).toEqual([undefined, '1', '2']);
});

test('while reads fail the last rows stay, questions are answered with no at once, and no change is lost', async () => {
  const { watch, reads, admitted, begun } = await open(40);
  await begun(2);
  reads[1]?.end(new Error('postgres is unavailable'));
  await begun(3);
  expect(await watch.refresh()).toBe(false);
  expect(watch.rows).toEqual([ROW]);
  reads[2]?.end([MOVED]);
  await eventually(() => admitted.length).toBe(1);
  // The position of the read that failed is not known.
  expect(reads[2]?.since).toBe('1');
  const asked = watch.refresh();
  await begun(4);
  reads[3]?.end([]);
  await begun(5);
  reads[4]?.end([]);
  expect(await asked).toBe(true);
});

test('a read that takes too long answers no, and those who ask later do not wait', async () => {
  const { watch, reads, begun } = await open();
  const asked = watch.refresh();
  await begun(2);
  expect(await asked).toBe(false);
  expect(await watch.refresh()).toBe(false);
  reads[1]?.end([]);
});

test('the age of the rows is a metric', async () => {
  const { registry } = await open();
  expect(await registry.metrics()).toMatch(/^pulse_admission_snapshot_age_seconds 0\.\d+$/m);
});

test('closing answers those who wait', async () => {
  const { watch, reads, begun } = await open();
  const first = watch.refresh();
  await begun(2);
  const second = watch.refresh();
  const closed = watch.close();
  reads[1]?.end([]);
  await closed;
  expect([await first, await second]).toEqual([true, false]);
  expect(await watch.refresh()).toBe(false);
});

import { pino } from 'pino';
import { expect, test } from 'vitest';
import { PAIRS_MAX, type UnsubscribedUsage } from '../../src/ingest/unsubscribed-usage.ts';
import { startUnsubscribedWriter } from '../../src/ingest/unsubscribed-writer.ts';

const usages = (pulseCount: number) =>
  new Map([['acme\nvm', { tenant: 'acme', sku: 'vm', pulseCount }]]);

const pulsesOf = (given: readonly UnsubscribedUsage[]) =>
  given.reduce((sum, { pulseCount }) => sum + pulseCount, 0);

test('counts that could not be written are written later, together with newer ones', async () => {
  const written: (readonly UnsubscribedUsage[])[] = [];
  let attempts = 0;
  const writer = startUnsubscribedWriter({
    write(given) {
      attempts += 1;
      if (attempts === 1) {
        writer.add(usages(5), 5);
        return Promise.reject(new Error('postgres is unavailable'));
      }
      written.push(given);
      return Promise.resolve(pulsesOf(given));
    },
    forget: () => Promise.resolve(),
    logger: pino({ level: 'silent' }),
    intervalMs: 5,
  });
  writer.add(usages(1), 1);
  writer.add(usages(2), 2);
  await expect.poll(() => written.length).toBe(1);
  writer.add(usages(4), 4);
  await writer.close();
  expect(written.map(([usage]) => usage?.pulseCount)).toEqual([8, 4]);
});

test('however many pairs come in an outage, 1,000 are kept, and a line says how many pulses are left out', async () => {
  const written: (readonly UnsubscribedUsage[])[] = [];
  const lines: { msg: string; pulseCount?: number }[] = [];
  let isUnavailable = true;
  let attempts = 0;
  const writer = startUnsubscribedWriter({
    write(given) {
      attempts += 1;
      if (isUnavailable) return Promise.reject(new Error('postgres is unavailable'));
      written.push(given);
      // The table has room for all but two pulses.
      return Promise.resolve(pulsesOf(given) - 2);
    },
    forget: () => Promise.resolve(),
    logger: pino({}, { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) }),
    intervalMs: 5,
  });
  for (let turn = 0; turn < 7; turn += 1) {
    const pairs = Array.from({ length: 900 }, (_, index) => `${turn}-${index}`);
    const more = pairs.map((tenant) => [tenant, { tenant, sku: 'vm', pulseCount: 1 }] as const);
    // Ten pulses have lost their pairs before.
    writer.add(new Map(more), 910);
    const before = attempts;
    await expect.poll(() => attempts).toBeGreaterThan(before);
  }
  isUnavailable = false;
  await expect.poll(() => written.length).toBe(1);
  await writer.close();
  expect(written[0]).toHaveLength(PAIRS_MAX.total);
  const leftOut = lines.flatMap(({ pulseCount }) => pulseCount ?? []);
  expect(leftOut.reduce((sum, count) => sum + count, 0)).toBe(7 * 910 - PAIRS_MAX.total + 2);
  expect(leftOut.length).toBeLessThan(7);
});

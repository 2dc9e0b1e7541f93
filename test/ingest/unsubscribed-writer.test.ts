import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { UnsubscribedUsage } from '../../src/ingest/unsubscribed-usage.ts';
import { startUnsubscribedWriter } from '../../src/ingest/unsubscribed-writer.ts';

const usages = (pulseCount: number) =>
  new Map([['acme\nvm', { tenant: 'acme', sku: 'vm', pulseCount }]]);

test('counts that could not be written are written later, together with newer ones', async () => {
  const written: (readonly UnsubscribedUsage[])[] = [];
  let attempts = 0;
  const writer = startUnsubscribedWriter({
    write(given) {
      attempts += 1;
      if (attempts === 1) {
        writer.add(usages(5));
        return Promise.reject(new Error('postgres is unavailable'));
      }
      written.push(given);
      return Promise.resolve();
    },
    forget: () => Promise.resolve(),
    logger: pino({ level: 'silent' }),
    intervalMs: 5,
  });
  writer.add(usages(1));
  writer.add(usages(2));
  await expect.poll(() => written.length).toBe(1);
  writer.add(usages(4));
  await writer.close();
  expect(written.map(([usage]) => usage?.pulseCount)).toEqual([8, 4]);
});

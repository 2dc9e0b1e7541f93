import { expect, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { openFlow } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const HOUR_MS = 3_600_000;

test('a late pulse becomes a row of a later batch for its old hour; a duplicate is refused even after a flush', async () => {
  const flow = await openFlow();
  const oldHour = new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 2 * HOUR_MS).toISOString();
  const pulse = (id: string, used_amount: string) => ({
    body: JSON.stringify({
      tenant: 'acme',
      product_sku: 'cpu',
      use_unity: 'h',
      used_amount,
      id,
      timestamp: oldHour,
    }),
  });
  await flow.start('worker');
  await flow.producer.publish([pulse('one', '1.000000001'), pulse('two', '2')]);
  await flow.settled({ counted: 2 });
  expect(await flow.flush()).toMatchObject({ rowCount: 1, pulseCount: 2, batchCount: 1 });

  await flow.producer.publish([pulse('one', '1.000000001'), pulse('late', '0.5')]);
  await flow.settled({ counted: 3, duplicates: 1 });
  expect(await flow.flush()).toMatchObject({ rowCount: 1, pulseCount: 1, batchCount: 1 });
  // Nothing new, so nothing to write.
  expect(await flow.flush()).toMatchObject({ rowCount: 0, pulseCount: 0, batchCount: 0 });

  const rows = await (await flow.openApi()).rows();
  const windowStart = rows.map(({ window_start }) => Date.parse(window_start));
  expect(windowStart).toEqual([Date.parse(oldHour), Date.parse(oldHour)]);
  expect(rows.map(({ used_amount, pulse_count }) => [used_amount, pulse_count])).toEqual([
    ['3.000000001', 2],
    ['0.5', 1],
  ]);
  expect(rows[0]!.flush_batch_id).not.toBe(rows[1]!.flush_batch_id);
  expect(await flow.verify()).toMatchObject({ counted: 3, flushed: 3, duplicates: 1, drift: 0 });
});

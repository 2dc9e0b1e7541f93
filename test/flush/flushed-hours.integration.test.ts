import { describe, expect, test } from 'vitest';
import { flushAll } from '../../src/flush/flush.ts';
import { dyingAfter, somePulses, useFlushFixture, WINDOW_SEC } from './flush-fixture.ts';

const fixture = useFlushFixture();

async function addCustomers(...tenants: string[]): Promise<void> {
  await fixture.pool.query('DELETE FROM customers');
  await fixture.pool.query('DELETE FROM flushed_hours');
  await fixture.pool.query(
    `INSERT INTO customers (id, name, tenant) SELECT 'of ' || tenant, 'Acme', tenant FROM unnest($1::text[]) AS tenant`,
    [tenants],
  );
}

async function readHours(): Promise<string[]> {
  const { rows } = await fixture.pool.query<{ line: string }>(
    `SELECT concat_ws('|', tenant, extract(epoch FROM hour)::bigint, sum(pulse_count)) AS line
     FROM flushed_hours GROUP BY tenant, hour ORDER BY tenant, hour`,
  );
  return rows.map(({ line }) => line);
}

const minute = (pulse: ReturnType<typeof somePulses>[number], at: number) => ({
  ...pulse,
  windowStartSec: WINDOW_SEC + at * 60,
});

describe('the hours of a batch', () => {
  test('are noted for tenants of customers only, each with its pulses', async () => {
    await addCustomers('tenant-1', 'tenant-3', 'tenant-of-nobody-yet');
    await fixture.count(somePulses(42));
    await flushAll(fixture);
    const hours = [0, 1, 2].map((hour) => WINDOW_SEC + hour * 3_600);
    expect(await readHours()).toEqual([
      ...hours.map((hour) => `tenant-1|${hour}|2`),
      ...hours.map((hour) => `tenant-3|${hour}|2`),
    ]);
  });

  test('take windows that are shorter than an hour together', async () => {
    await addCustomers('tenant-1');
    const [one] = somePulses(2).slice(1);
    const pulses = [0, 15, 45, 60].map((at) => ({ ...minute(one!, at), id: `at-${at}` }));
    await fixture.count(pulses);
    await flushAll(fixture);
    expect(await readHours()).toEqual([
      `tenant-1|${WINDOW_SEC}|3`,
      `tenant-1|${WINDOW_SEC + 3_600}|1`,
    ]);
  });

  test('do not include rows of earlier batches', async () => {
    await addCustomers('tenant-1');
    await fixture.count(somePulses(7, 'a'));
    await flushAll(fixture);
    await fixture.pool.query('DELETE FROM flushed_hours');
    await fixture.count(somePulses(7, 'b'));
    await flushAll(fixture);
    expect(await readHours()).toEqual([`tenant-1|${WINDOW_SEC + 3_600}|1`]);
  });

  test('are noted once when the flush dies after the commit, and not at all before', async () => {
    await addCustomers('tenant-1');
    await fixture.count(somePulses(7));
    const die = () => {
      throw new Error('died');
    };
    await expect(flushAll(dyingAfter(fixture, 'checked', die))).rejects.toThrow('died');
    await flushAll(dyingAfter(fixture, 'committed', die)).catch(() => undefined);
    await flushAll(fixture);
    expect(await readHours()).toEqual([`tenant-1|${WINDOW_SEC + 3_600}|1`]);
  });
});

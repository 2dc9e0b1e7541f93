import { pino } from 'pino';
import type { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { dropMonths, listMonthsBefore } from '../../src/platform/partitions.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { isolatedServices } from '../support/isolated.ts';

async function openTables(): Promise<Pool> {
  const services = await isolatedServices();
  const pool = createPool(services.databaseUrl, {
    name: 'test',
    logger: pino({ level: 'silent' }),
  });
  onTestFinished(async () => {
    await pool.end();
    await services.close();
  });
  for (const table of ['messages', 'deliveries', 'delivery_attempts']) {
    await pool.query(`SELECT ensure_month_partitions($1, '2025-11-15', '2026-02-01')`, [table]);
  }
  return pool;
}

const BEFORE = new Date('2026-01-15T00:00:00Z');

test.each(['messages', 'deliveries', 'delivery_attempts'])(
  'of %s, months that ended before the limit are dropped, and no other',
  async (table) => {
    const pool = await openTables();
    const old = [`${table}_2025_11`, `${table}_2025_12`];
    expect(await listMonthsBefore(pool, table, BEFORE)).toEqual(old);
    expect(await dropMonths(pool, table, old)).toEqual(old);
    expect(await listMonthsBefore(pool, table, BEFORE)).toEqual([]);
    expect(await listMonthsBefore(pool, table, new Date('2026-03-01T00:00:00Z'))).toEqual([
      `${table}_2026_01`,
      `${table}_2026_02`,
    ]);
  },
);

test('a month whose drop was cut off after it was detached is dropped the next time', async () => {
  const pool = await openTables();
  await pool.query('ALTER TABLE messages DETACH PARTITION messages_2025_11 CONCURRENTLY');
  const found = await listMonthsBefore(pool, 'messages', BEFORE);
  expect(found).toEqual(['messages_2025_11', 'messages_2025_12']);
  await dropMonths(pool, 'messages', found);
  expect(await listMonthsBefore(pool, 'messages', BEFORE)).toEqual([]);
});

test('a month that another process dropped since they were listed is left out', async () => {
  const pool = await openTables();
  const found = await listMonthsBefore(pool, 'messages', BEFORE);
  expect(await dropMonths(pool, 'messages', found.slice(0, 1))).toEqual(['messages_2025_11']);
  expect(await dropMonths(pool, 'messages', found)).toEqual(['messages_2025_12']);
});

test('of two processes that drop months at once, each month is dropped by one', async () => {
  const pool = await openTables();
  const found = await listMonthsBefore(pool, 'messages', BEFORE);
  const dropped = await Promise.all([
    dropMonths(pool, 'messages', found),
    dropMonths(pool, 'messages', found),
  ]);
  expect(dropped.flat().toSorted()).toEqual(found);
  expect(await listMonthsBefore(pool, 'messages', BEFORE)).toEqual([]);
});

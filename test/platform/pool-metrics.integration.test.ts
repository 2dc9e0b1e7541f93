import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, inject, onTestFinished, test } from 'vitest';
import { addPoolMetrics } from '../../src/platform/pool-metrics.ts';
import { createPool, withTransaction } from '../../src/platform/postgres.ts';
import '../support/services-context.ts';

test('measures every way of getting a connection, and counts waiting callers', async () => {
  const pool = createPool(inject('services').DATABASE_URL, {
    name: 'pool metrics test',
    logger: pino({ level: 'silent' }),
    connectionCountMax: 1,
  });
  onTestFinished(() => pool.end());
  const registry = new Registry();
  addPoolMetrics(registry, pool);

  const { rows } = await pool.query<{ one: number }>('SELECT 1 AS one');
  expect(rows).toEqual([{ one: 1 }]);
  let waiting: Promise<unknown> | undefined;
  await withTransaction(pool, async () => {
    waiting = pool.query('SELECT 1');
    const busy = await registry.metrics();
    expect(busy).toContain('pulse_postgres_connections{state="busy"} 1\n');
    expect(busy).toContain('pulse_postgres_waiting 1\n');
  });
  await waiting;
  const after = await registry.metrics();
  expect(after).toContain('pulse_postgres_connections{state="idle"} 1\n');
  expect(after).toContain('pulse_postgres_waiting 0\n');
  expect(after).toContain('pulse_postgres_wait_seconds_count 3\n');
});

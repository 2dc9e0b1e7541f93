/** Refusals go from the audit log after a while, and nothing else ever does. */
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Clients } from '../../src/cli/clients.ts';
import type { PartRun } from '../../src/cli/part.ts';
import { AUDIT_ACTIONS, REFUSALS } from '../../src/access/audit.ts';
import { deleteRefusals } from '../../src/access/audit-query.ts';
import { forgetRefusals } from '../../src/access/forget-refusals.ts';
import { refusalRetentionPart } from '../../src/commands/retention.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { runInProcess, runInProcessForJson } from '../support/run-in-process.ts';

const NEVER = new AbortController().signal;
const CHANGES = AUDIT_ACTIONS.filter((action) => !(REFUSALS as readonly string[]).includes(action));
let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  const logger = pino({ level: 'silent' });
  pool = createPool(services.databaseUrl, { name: 'refusals test', logger });
});
beforeEach(async () => {
  await pool.query(`ALTER TABLE audit_log DISABLE TRIGGER audit_log_insert_only`);
  await pool.query('TRUNCATE audit_log');
  await pool.query(`ALTER TABLE audit_log ENABLE TRIGGER audit_log_insert_only`);
});
afterAll(async () => {
  await pool.end();
  await services.close();
});

/** Entries of each of these actions, so many days old. */
async function insert(actions: readonly string[], days: number, count = 1): Promise<void> {
  await pool.query(
    `INSERT INTO audit_log (at, action, via)
     SELECT now() - make_interval(days => $2, mins => 1), action, 'api'
     FROM unnest($1::text[]) AS action, generate_series(1, $3)`,
    [actions, days, count],
  );
}

async function kept(): Promise<string[]> {
  const { rows } = await pool.query<{ action: string }>('SELECT action FROM audit_log ORDER BY id');
  return rows.map(({ action }) => action);
}

test('old refusals of every kind go, in many transactions; younger ones and all changes stay', async () => {
  await insert(AUDIT_ACTIONS, 4_000);
  await insert(['denied'], 91, 2_500);
  await insert(REFUSALS, 89);
  expect(await forgetRefusals(pool, { days: 90, signal: AbortSignal.abort() })).toBe(0);
  expect(await forgetRefusals(pool, { days: 90, signal: NEVER })).toBe(2_500 + REFUSALS.length);
  expect(await kept()).toEqual([...CHANGES, ...REFUSALS]);
  expect(CHANGES).toContain('changed');
});

test('Postgres itself keeps changes however old, and refusals of the last day', async () => {
  await insert(AUDIT_ACTIONS, 4_000);
  for (const action of CHANGES) {
    const deleting = pool.query('DELETE FROM audit_log WHERE action = $1', [action]);
    await expect(deleting).rejects.toThrow('only inserted into');
  }
  await insert(REFUSALS, 0);
  for (const action of REFUSALS) {
    const deleting = pool.query('DELETE FROM audit_log WHERE action = $1', [action]);
    await expect(deleting).rejects.toThrow('only inserted into');
  }
  await expect(pool.query('TRUNCATE audit_log')).rejects.toThrow('only inserted into');
  expect(await kept()).toEqual([...AUDIT_ACTIONS, ...REFUSALS]);
  await insert(REFUSALS, 1);
  expect(await forgetRefusals(pool, { days: 1, signal: NEVER })).toBe(2 * REFUSALS.length);
});

test('another process that deletes the same is not waited for', async () => {
  await insert(['denied'], 91, 2);
  const holder = await pool.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT FROM audit_log LIMIT 1 FOR UPDATE');
    expect(await forgetRefusals(pool, { days: 90, signal: NEVER })).toBe(1);
  } finally {
    holder.release(true);
  }
});

test('the oldest are found by an index, among many entries', async () => {
  await insert(['changed', 'denied'], 91, 50_000);
  await pool.query('ANALYZE audit_log');
  let plan: unknown;
  const explaining = {
    query: async (sql: string, values: unknown[]) => {
      const result = await pool.query(`EXPLAIN ${sql}`, values);
      plan = result.rows;
      return result;
    },
  } as unknown as Pool;
  await deleteRefusals(explaining, { action: 'denied', days: 90, limit: 1_000 });
  expect(JSON.stringify(plan)).toContain('Index Scan using audit_log_action');
});

test('the command deletes them and says so before; processors do so by themselves', async () => {
  const env = {
    DATABASE_URL: services.databaseUrl,
    RABBITMQ_URL: services.rabbitmqUrl,
    REDIS_URL: services.redisUrl,
    AUDIT_REFUSALS_DAYS: '30',
  };
  await insert(['denied', 'changed'], 31);
  await insert(['denied'], 29);
  const dry = await runInProcess(['retention', '--dry-run'], env);
  expect(dry.stdout).toContain('Would delete 1 refusal in the audit log, more than 30 days old.');
  expect(await kept()).toHaveLength(3);
  const done = await runInProcessForJson<object>(['retention', '--json'], env);
  expect(done).toMatchObject({ audit_refusals_days: 30, refusals: 1 });
  expect(await kept()).toEqual(['changed', 'denied']);

  const closes: (() => unknown)[] = [];
  const run = {
    config: { audit: { refusalsDays: 28 } },
    logger: pino({ level: 'silent' }),
    closer: { add: (_: string, close: () => unknown) => closes.push(close) },
  } as unknown as PartRun;
  await refusalRetentionPart.start?.(run, { pool } as Clients);
  await expect.poll(kept).toEqual(['changed']);
  for (const close of closes) await close();
});

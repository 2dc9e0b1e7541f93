/** Deleted endpoints go when the months of their deliveries have gone. */
import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Clients } from '../../src/cli/clients.ts';
import type { PartRun } from '../../src/cli/part.ts';
import { retentionPart } from '../../src/commands/retention.ts';
import { forgetEndpoints, forgottenBefore } from '../../src/delivery/forget-endpoints.ts';
import { MANY_STEPS_TIMEOUT_MS, runForJson, runPulse } from '../support/pulse-process.ts';
import { createDeliveryFixture, type DeliveryFixture } from './delivery-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const DAYS = 30;
const NEVER = new AbortController().signal;
let fixture: DeliveryFixture;
let pool: Pool;

beforeAll(async () => {
  fixture = await createDeliveryFixture();
  ({ pool } = fixture);
});
afterAll(() => fixture.close());
beforeEach(() => pool.query('TRUNCATE endpoint_states, endpoints, deliveries, delivery_attempts'));

/** An endpoint whose only delivery was attempted, and which was deleted so many days ago. */
async function deleted(daysAgo: number, status = 'deleted') {
  const client = await fixture.makeClient();
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(client, receiver);
  const { rows } = await pool.query<{ at: Date }>(
    `SELECT now() - make_interval(days => $1) AS at`,
    [daysAgo],
  );
  const at = rows[0]?.at;
  for (const table of ['deliveries', 'delivery_attempts']) {
    await pool.query(`SELECT ensure_month_partitions($1, $2, $2)`, [table, at]);
  }
  await pool.query(
    `WITH delivery AS (
       INSERT INTO deliveries (id, endpoint_id, client, producer, message_id, message_stored_at, number, type, status,
         created_at)
       VALUES (gen_random_uuid(), $1, $2, 'shop', 'one', $3, 1, 'thing.made', 'failed', $3) RETURNING id
     )
     INSERT INTO delivery_attempts (delivery_id, number, endpoint_id, attempted_at, outcome, duration_ms)
     SELECT id, 1, $1, $3, 'failed', 5 FROM delivery`,
    [id, client, at],
  );
  await pool.query('UPDATE endpoints SET status = $2, updated_at = $3 WHERE id = $1', [
    id,
    status,
    at,
  ]);
  return { id, client };
}

const env = () => ({
  DATABASE_URL: fixture.databaseUrl,
  RABBITMQ_URL: fixture.rabbitmqUrl,
  REDIS_URL: fixture.redisUrl,
  EVENT_RETENTION_DAYS: String(DAYS),
});

async function known() {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM endpoints JOIN endpoint_states ON endpoint_id = id ORDER BY updated_at`,
  );
  const states = await pool.query('SELECT FROM endpoint_states');
  expect(states.rowCount).toBe(rows.length);
  return rows.map(({ id }) => id);
}

test('the command removes those whose deliveries it has dropped, and no other', async () => {
  const enabled = await deleted(200, 'enabled');
  await deleted(150);
  const recent = await deleted(10);
  const before = await known();
  const dry = await runPulse(['retention', '--dry-run'], { env: env() });
  expect(dry.stdout).toContain('Would remove 1 deleted endpoint, whose deliveries are dropped.');
  expect(await known()).toEqual(before);
  const done = await runForJson<object>(['retention', '--json'], { env: env() });
  expect(done).toMatchObject({ endpoints: 1, dry_run: false });
  expect(await known()).toEqual([enabled.id, recent.id]);
  expect(await fixture.deliveries(recent.id)).toHaveLength(1);
  expect(await fixture.attempts(recent.id)).toHaveLength(1);
});

test('processors do the same by themselves', async () => {
  await deleted(150);
  const recent = await deleted(10);
  const closes: (() => unknown)[] = [];
  const run = {
    config: { events: { retentionDays: DAYS } },
    logger: { info: () => undefined },
    closer: { add: (_: string, close: () => unknown) => closes.push(close) },
  } as unknown as PartRun;
  await retentionPart.start?.(run, { pool } as Clients);
  await expect.poll(known, { timeout: 10_000 }).toEqual([recent.id]);
  for (const close of closes) await close();
});

test('nothing is removed while an old month of attempts is left', async () => {
  const { id } = await deleted(150);
  await pool.query('DELETE FROM deliveries');
  const holder = await pool.connect();
  try {
    // As another process that drops months.
    await holder.query(`SELECT pg_advisory_lock(hashtextextended('pulse retention', 0))`);
    const done = await runForJson<object>(['retention', '--json'], { env: env() });
    expect(done).toMatchObject({ months: [], endpoints: 0 });
    expect(await known()).toEqual([id]);
  } finally {
    holder.release(true);
  }
});

test('one stays while a delivery of it is kept, however long ago it was deleted', async () => {
  const { id } = await deleted(150);
  expect(await forgetEndpoints(pool, { before: new Date(), signal: NEVER })).toBe(0);
  expect(await known()).toEqual([id]);
});

test('one that its client creates anew meanwhile stays', async () => {
  const { id } = await deleted(150);
  await pool.query('DELETE FROM deliveries');
  const holder = await pool.connect();
  try {
    await holder.query('BEGIN');
    await holder.query(`UPDATE endpoints SET status = 'enabled' WHERE id = $1`, [id]);
    expect(await forgetEndpoints(pool, { before: new Date(), signal: NEVER })).toBe(0);
    await holder.query('COMMIT');
  } finally {
    holder.release(true);
  }
  expect(await forgetEndpoints(pool, { before: new Date(), signal: NEVER })).toBe(0);
  expect(await known()).toEqual([id]);
});

test('many are removed in several transactions, and none when it is stopped', async () => {
  const client = await fixture.makeClient();
  await pool.query(
    `WITH made AS (
       INSERT INTO endpoints (id, client, url, secret, status, updated_at)
       SELECT 'many-' || number, $1, 'https://example.com', '', 'deleted', now() - interval '150 days'
       FROM generate_series(1, 1200) number RETURNING id
     )
     INSERT INTO endpoint_states (endpoint_id, seen_number) SELECT id, 0 FROM made`,
    [client],
  );
  const before = new Date();
  expect(await forgetEndpoints(pool, { before, signal: AbortSignal.abort() })).toBe(0);
  expect(await forgetEndpoints(pool, { before, signal: NEVER })).toBe(1200);
});

test('what was deleted in the last day of a dropped month stays for another one', () => {
  const before = new Date('2026-03-17T12:00:00Z');
  expect(forgottenBefore(before)).toEqual(new Date('2026-02-28T00:00:00Z'));
});

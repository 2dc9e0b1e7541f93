import { expect, test, vi } from 'vitest';
import type { Clients } from '../../src/cli/clients.ts';
import type { PartRun } from '../../src/cli/part.ts';
import { workflowRetentionPart } from '../../src/commands/retention.ts';
import { deleteExpired } from '../../src/workflows/delete-expired.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { runInProcess, runInProcessForJson } from '../support/run-in-process.ts';
import { useWorkflowsFixture } from '../workflows/workflows-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const fixture = useWorkflowsFixture();
const NEVER = new AbortController().signal;

/** Workflows that were consumed so many days ago, their messages taken. */
async function insertConsumed(count: number, days: number): Promise<void> {
  await fixture.pool.query(
    `INSERT INTO workflows
       (id, share, created_by, data, data_text, steps, status, is_queued, csv, consumed_at, consumed_by)
     SELECT gen_random_uuid(), 'all', 'test', '1', '1', '{one}', 'consumed', false, 'x',
       now() - make_interval(days => $2), 'test' FROM generate_series(1, $1)`,
    [count, days],
  );
}

async function counts() {
  const { rows } = await fixture.pool.query<{ status: string; count: number }>(
    'SELECT status, count(*)::integer AS count FROM workflows GROUP BY 1 ORDER BY 1',
  );
  return rows;
}

test('the command deletes what was consumed too long ago, and says so before', async () => {
  await insertConsumed(250, 31);
  await insertConsumed(3, 29);
  const waiting = await fixture.insert({ a: 1 });
  await fixture.pool.query(`UPDATE workflows SET created_at = now() - interval '99 days'`);
  const env = { ...fixture.env, WORKFLOW_RETENTION_DAYS: '30' };

  const dry = await runInProcess(['retention', '--dry-run'], env);
  expect(dry).toMatchObject({ exitCode: 0 });
  expect(dry.stdout).toContain('Would delete 250 workflows, consumed more than 30 days ago.');
  expect(await counts()).toMatchObject([{ count: 253 }, { status: 'inserted', count: 1 }]);

  const done = await runInProcessForJson<object>(['retention', '--json'], env);
  expect(done).toMatchObject({ workflow_retention_days: 30, workflows: 250, dry_run: false });
  expect(await counts()).toMatchObject([{ count: 3 }, { status: 'inserted', count: 1 }]);
  expect((await fixture.ask('GET', '/workflow/consume')).headers['content-location']).toContain(
    waiting,
  );
  const again = await runInProcess(['retention'], env);
  expect(again.stdout).toContain('No workflow was consumed more than 30 days ago.');
});

test('processors do the same by themselves', async () => {
  await insertConsumed(150, 31);
  await insertConsumed(1, 29);
  const closes: (() => unknown)[] = [];
  const run = {
    config: { workflows: { retentionDays: 30 } },
    logger: fixture.deps.logger,
    closer: { add: (_: string, close: () => unknown) => closes.push(close) },
  } as unknown as PartRun;
  await workflowRetentionPart.start?.(run, { pool: fixture.pool } as Clients);
  await expect.poll(counts).toEqual([{ status: 'consumed', count: 1 }]);
  for (const close of closes) await close();
});

test('a workflow stays while its message is in the queue, which so never becomes a dead letter', async () => {
  const id = await fixture.insert({ a: 1 });
  await fixture.ask('PATCH', `/workflow/${id}`, { body: { status: 'consumed' } });
  const remove = () => deleteExpired(fixture.pool, { before: new Date(), signal: NEVER });
  expect(await remove()).toBe(0);
  expect((await fixture.ask('GET', '/workflow/consume')).status).toBe(204);
  expect(await fixture.takeDeadLetter()).toBeUndefined();
  expect(await remove()).toBe(1);
  expect((await fixture.ask('GET', `/workflow/${id}`)).status).toBe(404);
});

test('what somebody has locked is left out, and nobody waits', async () => {
  await insertConsumed(2, 31);
  const holder = await fixture.pool.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT FROM workflows LIMIT 1 FOR UPDATE');
    expect(await deleteExpired(fixture.pool, { before: new Date(), signal: NEVER })).toBe(1);
    await holder.query('COMMIT');
  } finally {
    holder.release(true);
  }
  expect(await deleteExpired(fixture.pool, { before: new Date(), signal: NEVER })).toBe(1);
});

test('it ends between two transactions when it is stopped', async () => {
  await insertConsumed(3, 31);
  const before = new Date();
  expect(await deleteExpired(fixture.pool, { before, signal: AbortSignal.abort() })).toBe(0);
});

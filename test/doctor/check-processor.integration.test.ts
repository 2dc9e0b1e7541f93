import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { checkDueChanges, checkFlushedHours } from '../../src/doctor/check-processor.ts';
import { isolatedPool } from '../support/isolated.ts';

let pool: Pool;

beforeAll(async () => {
  const isolated = await isolatedPool();
  ({ pool } = isolated);
  return () => isolated.close();
});

test('a change that is not in effect a minute after its time is a warning', async () => {
  const add = (due: string) =>
    pool.query(
      `INSERT INTO subscriptions (id, user_id, status, applied_number, due_at)
       VALUES (gen_random_uuid(), 'acme', 'active', 1, ${due})`,
    );
  const OK = { status: 'ok', detail: 'no change is overdue' };
  expect(await checkDueChanges(pool)).toMatchObject(OK);
  await add('NULL');
  await add(`now() + interval '5 minutes'`);
  await add(`now() - interval '30 seconds'`);
  expect(await checkDueChanges(pool)).toMatchObject(OK);
  await add(`now() - interval '90 seconds'`);
  expect(await checkDueChanges(pool)).toMatchObject({
    status: 'warning',
    detail: expect.stringMatching(/^a change has been due for 9\d s /) as string,
  });
});

test('a flushed hour that is not announced a quarter of an hour after its end and its flush is a warning', async () => {
  const note = async (hour: string, flushedAt: string) => {
    const batchId = randomUUID();
    await pool.query('TRUNCATE flushed_hours');
    await pool.query(
      `INSERT INTO flush_batches (id, shard, row_count, pulse_count, window_min, window_max, opened_at, flushed_at)
       VALUES ($1, 0, 1, 1, now(), now(), now(), ${flushedAt})`,
      [batchId],
    );
    await pool.query(
      `INSERT INTO flushed_hours (tenant, hour, flush_batch_id, pulse_count) VALUES ('acme', ${hour}, $1, 1)`,
      [batchId],
    );
  };
  const OK = { status: 'ok', detail: 'none is late to be announced' };
  expect(await checkFlushedHours(pool)).toMatchObject(OK);
  // The hour has not ended; it has ended just now; it was flushed not long ago.
  await note(`now() - interval '59 minutes'`, `now() - interval '20 minutes'`);
  expect(await checkFlushedHours(pool)).toMatchObject(OK);
  await note(`now() - interval '3610 seconds'`, `now() - interval '20 minutes'`);
  expect(await checkFlushedHours(pool)).toMatchObject(OK);
  await note(`now() - interval '1 day'`, `now() - interval '14 minutes'`);
  expect(await checkFlushedHours(pool)).toMatchObject(OK);
  await note(`now() - interval '1 day'`, `now() - interval '20 minutes'`);
  expect(await checkFlushedHours(pool)).toMatchObject({
    status: 'warning',
    detail: expect.stringMatching(/^usage that was flushed 12\d\d s ago /) as string,
  });
});

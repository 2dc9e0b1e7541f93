import { expect, test } from 'vitest';
import { checkExports } from '../../src/doctor/check-exports.ts';
import { claimExport } from '../../src/exports/lease-query.ts';
import { useExportsFixture } from '../exports/exports-fixture.ts';

const fixture = useExportsFixture();

test('an export whose exporter died at work is a warning, until another one takes it', async () => {
  const { pool } = fixture;
  const { id } = await fixture.ask();
  await pool.query(`UPDATE exports SET created_at = now() - interval '5 minutes'`);
  await claimExport(pool, 60_000);
  expect(await checkExports(pool)).toMatchObject({
    status: 'ok',
    detail: expect.stringContaining('0 queued, 1 running') as string,
  });
  await pool.query(`UPDATE exports SET lease_until = now() - interval '1 second'`);
  expect(await checkExports(pool)).toMatchObject({
    status: 'warning',
    detail: expect.stringContaining('1 queued, 0 running') as string,
  });
  expect((await claimExport(pool, 60_000))?.id).toBe(id);
  expect(await checkExports(pool)).toMatchObject({ status: 'ok' });
});

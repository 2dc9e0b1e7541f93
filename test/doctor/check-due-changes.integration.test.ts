import { Pool } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkDueChanges } from '../../src/doctor/check-due-changes.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  pool = new Pool({ connectionString: services.databaseUrl });
});
afterAll(async () => {
  await pool.end();
  await services.close();
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

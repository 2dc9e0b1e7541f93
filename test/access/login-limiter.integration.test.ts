import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createLoginLimiter } from '../../src/access/login-limiter.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { isolatedServices } from '../support/isolated.ts';

const LIMITS = { perAccount: 4, perAddress: 12, windowMs: 60_000, accountsMax: 50 };

test('of too many accounts those with the fewest attempts are forgotten, but none that must wait', async () => {
  const services = await isolatedServices();
  const logger = pino({ level: 'silent' });
  const pool = createPool(services.databaseUrl, { name: 'test', logger });
  onTestFinished(async () => {
    await pool.end();
    await services.close();
  });
  const invent = (from: number, to: number, attempts: number, waitSeconds = 0) =>
    pool.query(
      `INSERT INTO login_attempts
       SELECT sha256(n::text::bytea), $3, now() + $4 * interval '1 second',
              now() + interval '1 day' - (1000 - n) * interval '1 second'
       FROM generate_series($1::int, $2::int) AS n`,
      [from, to, attempts, waitSeconds],
    );
  await invent(1, 40, 1);
  await invent(101, 120, 3);
  await invent(201, 210, 1, 60);
  const admission = await createLoginLimiter(pool, 'key', LIMITS).admit({
    username: 'nobody',
    address: '192.0.2.1',
  });
  expect(admission).toEqual({ waitSeconds: 0, isUsualPlace: false });
  const { rows } = await pool.query(
    `SELECT attempt_count AS attempts, blocked_until > now() AS waits, count(*)::int AS count,
            round(extract(epoch FROM now() + interval '1 day' - min(forget_at)))::int AS "idleSeconds"
     FROM login_attempts WHERE forget_at > now() + interval '1 hour' GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  expect(rows).toEqual([
    // The newest of the first, and the one that has just been made.
    { attempts: 1, waits: false, count: 21, idleSeconds: expect.closeTo(1_000 - 21, -1) as number },
    { attempts: 1, waits: true, count: 10, idleSeconds: expect.any(Number) as number },
    { attempts: 3, waits: false, count: 20, idleSeconds: expect.any(Number) as number },
  ]);
});

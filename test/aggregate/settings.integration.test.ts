import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createPool } from '../../src/platform/postgres.ts';
import { ensureSettings } from '../../src/aggregate/settings.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  pool = createPool(services.databaseUrl, { name: 'test', logger: pino({ level: 'silent' }) });
});
afterAll(async () => {
  await pool.end();
  await services.close();
});
beforeEach(async () => {
  await pool.query('TRUNCATE settings');
});

test('several first starts at the same time all get the same secret', async () => {
  const settings = await Promise.all(
    Array.from({ length: 8 }, () => ensureSettings(pool, { shards: 4 })),
  );
  const secrets = new Set(settings.map(({ dedupeSecret }) => dedupeSecret));
  expect(secrets.size).toBe(1);
  expect([...secrets][0]).toMatch(/^[0-9a-f]{64}$/);
});

test('a different number of shards is refused, naming the variable and both numbers', async () => {
  await ensureSettings(pool, { shards: 4 });
  const starting = ensureSettings(pool, { shards: 8 });
  await expect(starting).rejects.toMatchObject({ code: 'PULSE_REDIS_SHARDS', retryable: false });
  await expect(starting).rejects.toThrow(/SHARDS is 8.*uses 4/);
  await expect(ensureSettings(pool, { shards: 4 })).resolves.toBeDefined();
});

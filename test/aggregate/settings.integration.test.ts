import { readFile } from 'node:fs/promises';
import type { Pool } from 'pg';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { ensureSettings } from '../../src/aggregate/settings.ts';
import { isolatedPool } from '../support/isolated.ts';

let pool: Pool;

beforeAll(async () => {
  const isolated = await isolatedPool();
  ({ pool } = isolated);
  return () => isolated.close();
});
beforeEach(async () => {
  await pool.query('TRUNCATE settings');
});

const FOUR = { shards: 4, windowSeconds: 3_600 };

test('several first starts at the same time all get the same secret', async () => {
  const settings = await Promise.all(Array.from({ length: 8 }, () => ensureSettings(pool, FOUR)));
  const secrets = new Set(settings.map(({ dedupeSecret }) => dedupeSecret));
  expect(secrets.size).toBe(1);
  expect([...secrets][0]).toMatch(/^[0-9a-f]{64}$/);
});

test('a different number of shards is refused, naming the variable and both numbers', async () => {
  await ensureSettings(pool, FOUR);
  const starting = ensureSettings(pool, { ...FOUR, shards: 8 });
  await expect(starting).rejects.toMatchObject({ code: 'PULSE_REDIS_SHARDS', retryable: false });
  await expect(starting).rejects.toThrow(/SHARDS is 8.*uses 4/);
  await expect(ensureSettings(pool, FOUR)).resolves.toBeDefined();
});

test('a different window length is refused, naming the variable and both lengths', async () => {
  await ensureSettings(pool, { shards: 4, windowSeconds: 1_800 });
  const starting = ensureSettings(pool, FOUR);
  await expect(starting).rejects.toMatchObject({ code: 'PULSE_SETTINGS_WINDOW', retryable: false });
  await expect(starting).rejects.toThrow(/WINDOW_MINUTES is 60.*30 minutes.*WINDOW_MINUTES=30/);
});

test('an installation from before the setting counts by the hour', async () => {
  await pool.query("INSERT INTO settings VALUES ('shards', '4')");
  await pool.query(await readFile('migrations/0012_window_minutes.sql', 'utf8'));
  await expect(ensureSettings(pool, { ...FOUR, windowSeconds: 900 })).rejects.toMatchObject({
    code: 'PULSE_SETTINGS_WINDOW',
  });
  await expect(ensureSettings(pool, FOUR)).resolves.toBeDefined();
});

test('a new installation can choose its window length', async () => {
  await pool.query(await readFile('migrations/0012_window_minutes.sql', 'utf8'));
  await expect(ensureSettings(pool, { ...FOUR, windowSeconds: 900 })).resolves.toBeDefined();
});

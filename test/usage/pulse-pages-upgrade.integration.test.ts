/** Rows that earlier versions have flushed are found by the pages of this one. */
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import { Client } from 'pg';
import { pino } from 'pino';
import { expect, inject, onTestFinished, test } from 'vitest';
import { runMigrations } from '../../src/platform/migrate.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { listPulses, listPulsesAfter } from '../../src/usage/pulses-query.ts';
import { temporaryDirectory } from '../support/pulse-process.ts';
import '../support/services-context.ts';
import { end, openFlush, openFlushInOneBlock } from './open-flush.ts';
import { insertBatch } from './rows-fixture.ts';

const logger = pino({ level: 'silent' });
const BATCH = Array.from({ length: 40 }, (_, index) => ({
  tenant: `tenant-${index % 3}`,
  windowStart: `2026-01-31T${String(10 + (index % 5))}:00:00Z`,
}));

test.each(['0035', '0037'])(
  'pages have the rows of before migration %s and after',
  async (last) => {
    const url = await newDatabase(`pulse_upgrade_${last}_${process.pid}`);
    await migrateUntil(url, last);
    const pool = createPool(url, { name: 'test', logger });
    onTestFinished(() => pool.end(), 10_000);
    await insertBatch(pool, BATCH);
    await insertBatch(pool, BATCH);
    expect((await runMigrations(url, logger)).length).toBeGreaterThan(0);

    // Both versions flush during an upgrade.
    await end(await openFlush(pool, BATCH));
    await end(await openFlushInOneBlock(pool, BATCH));
    const { rows } = await pool.query<{ id: string }>('SELECT id FROM pulses ORDER BY id');
    const ids = rows.map(({ id }) => id);
    expect(ids).toHaveLength(4 * BATCH.length);
    const seen: string[] = [];
    for (let page = 0; seen.length < ids.length; page++) {
      const found = await listPulses(pool, { scope: 'all' }, { offset: 30 * page, limit: 30 });
      expect(found.total).toBe(ids.length);
      seen.push(...found.rows.map(({ id }) => id));
    }
    expect(seen).toEqual(ids);
    const next = await listPulsesAfter(pool, { scope: 'all' }, { after: ids[99]!, limit: 100 });
    expect(next.rows.map(({ id }) => id)).toEqual(ids.slice(100));
  },
);

async function newDatabase(name: string): Promise<string> {
  const { DATABASE_URL } = inject('services');
  const admin = new Client({ connectionString: DATABASE_URL });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  onTestFinished(async () => {
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await admin.end();
  });
  const url = new URL(DATABASE_URL);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs the migrations that the version had whose last one begins so. */
async function migrateUntil(databaseUrl: string, last: string): Promise<void> {
  const dir = temporaryDirectory();
  for (const file of readdirSync('migrations')) {
    if (file.slice(0, last.length) <= last) copyFileSync(join('migrations', file), join(dir, file));
  }
  await runner({
    databaseUrl,
    dir,
    direction: 'up',
    migrationsTable: 'schema_migrations',
    singleTransaction: true,
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
}

import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createAccumulator } from '../../src/aggregate/accumulator.ts';
import { beginNewEpoch, ensureEpoch, type EpochDeps } from '../../src/aggregate/epoch.ts';
import { ensureLibrary } from '../../src/aggregate/library.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { parsedPulse } from '../support/pulses.ts';
import { foldJournals } from '../../bench/fold-journals.ts';
import { entryOf } from './aggregate-fixture.ts';

let services: IsolatedServices;
let redis: Redis;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  redis = new Redis(services.redisUrl);
  pool = new Pool({ connectionString: services.databaseUrl });
  await ensureLibrary(redis);
});

afterAll(async () => {
  redis.disconnect();
  await pool.end();
  await services.close();
});

beforeEach(async () => {
  await redis.flushdb();
  await pool.query('TRUNCATE epochs');
});

function open(epoch?: string): EpochDeps & { apply: (id: string) => Promise<void> } {
  const accumulator = createAccumulator({
    redis,
    shards: 2,
    ...(epoch === undefined ? {} : { epoch }),
  });
  return {
    redis,
    pool,
    accumulator,
    apply: async (id) => {
      await accumulator.append(0, 1, entryOf([parsedPulse({ id })]));
      await foldJournals(redis, 2);
    },
  };
}

test('the first start begins an epoch, and every later start uses it', async () => {
  const epoch = await ensureEpoch(open());
  expect(await ensureEpoch(open())).toBe(epoch);
  const deps = open(epoch);
  await deps.apply('a');
  expect(await deps.accumulator.readBooks(0)).toMatchObject({ counted: 1n });
});

test('two first starts at once agree on one epoch', async () => {
  const epochs = await Promise.all(Array.from({ length: 8 }, () => ensureEpoch(open())));
  expect(new Set(epochs).size).toBe(1);
});

test('an emptied Redis accepts no batch and refuses the next start', async () => {
  const deps = open(await ensureEpoch(open()));
  await deps.apply('a');
  await redis.flushdb();
  await expect(deps.apply('a')).rejects.toMatchObject({ code: 'PULSE_REDIS_EPOCH' });
  await expect(ensureEpoch(deps)).rejects.toMatchObject({ code: 'PULSE_REDIS_EPOCH' });
  expect(await redis.exists('{0}:journal')).toBe(0);
});

test('one shard that lost its data is enough', async () => {
  const deps = open(await ensureEpoch(open()));
  await redis.del('{1}:books');
  await expect(ensureEpoch(deps)).rejects.toThrow(/shard 1/);
});

test('a start that crashed between Redis and Postgres is completed by the next', async () => {
  const epoch = await ensureEpoch(open());
  await pool.query('TRUNCATE epochs');
  expect(await ensureEpoch(open())).toBe(epoch);
});

test('an emptied Postgres is not a first start if sums were flushed', async () => {
  const deps = open(await ensureEpoch(open()));
  await deps.apply('a');
  const sealed = await deps.accumulator.readBooks(0);
  expect(sealed.counted).toBe(1n);
  await redis.del('{0}:sums');
  await pool.query('TRUNCATE epochs');
  await expect(ensureEpoch(deps)).rejects.toThrow(/This Redis belongs to another database/);
});

test('accepting the loss balances the books again', async () => {
  await ensureEpoch(open());
  await redis.flushdb();
  const epoch = await beginNewEpoch(open(), {
    note: 'disk replaced',
    flushedPulses: (shard) => Promise.resolve(shard === 0 ? 41n : 0n),
  });
  expect(await ensureEpoch(open())).toBe(epoch);
  const deps = open(epoch);
  await deps.apply('b');
  expect(await deps.accumulator.readBooks(0)).toMatchObject({ counted: 42n });
  const { rows } = await pool.query('SELECT note FROM epochs ORDER BY started_at');
  expect(rows).toEqual([{ note: null }, { note: 'disk replaced' }]);
});

test('a new epoch is the newest, although the clock was ahead when the one before began', async () => {
  await ensureEpoch(open());
  await pool.query(`UPDATE epochs SET started_at = now() + interval '1 year'`);
  await redis.flushdb();
  const nothing = { note: 'disk replaced', flushedPulses: () => Promise.resolve(0n) };
  const epoch = await beginNewEpoch(open(), nothing);
  expect(await ensureEpoch(open())).toBe(epoch);
});

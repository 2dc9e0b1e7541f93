import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TenantScope } from '../../src/core/tenant-scope.ts';
import { dropMonths } from '../../src/platform/partitions.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { listPulses, listPulsesAfter, type PulseFilters } from '../../src/usage/pulses-query.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { end, openFlush, openFlushInOneBlock } from './open-flush.ts';
import { insertBatch, type TestRow } from './rows-fixture.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 31, 13);
const TENANTS = ['a', 'b', 'c'];

let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  const logger = pino({ level: 'silent' });
  pool = createPool(services.databaseUrl, { name: 'test', logger, connectionCountMax: 20 });
  // As a flush does it: before its transaction.
  const months = [-900, 900].map((hours) => new Date(START_MS + hours * HOUR_MS));
  await pool.query('SELECT ensure_pulses_partitions($1, $2)', months);
});
afterAll(async () => {
  await pool.end();
  await services.close();
});

const row = (tenant: string, hour = 0): TestRow => ({
  tenant,
  windowStart: new Date(START_MS + hour * HOUR_MS).toISOString(),
});
const idsOf = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);

/** What the list must be: every row that matches, by id. */
async function idsInOrder({ scope, tenant, fromMs, toMs }: PulseFilters): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM pulses
     WHERE ($1::text[] IS NULL OR tenant = ANY ($1)) AND ($2::text IS NULL OR tenant = $2)
       AND window_start >= coalesce($3::timestamptz, '-infinity')
       AND window_start < coalesce($4::timestamptz, 'infinity') ORDER BY id`,
    [
      ...[scope === 'all' ? null : scope, tenant ?? null],
      ...[fromMs, toMs].map((ms) => (ms === undefined ? null : new Date(ms))),
    ],
  );
  return idsOf(rows);
}

async function walk(filters: PulseFilters, limit: number, after = '0'): Promise<string[]> {
  const ids: string[] = [];
  for (let next: string | null = after; next !== null;) {
    const page = await listPulsesAfter(pool, filters, { after: next, limit });
    expect(page.rows.length).toBeLessThanOrEqual(limit);
    ids.push(...idsOf(page.rows));
    next = page.next;
  }
  return ids;
}

const SCOPES: readonly TenantScope[] = ['all', ['a'], ['b', 'c', 'nobody']];
const arbitraryHour = fc.option(fc.integer({ min: -900, max: 900 }), { nil: undefined });
const arbitraryFilters = fc
  .record({
    scope: fc.constantFrom(...SCOPES),
    tenant: fc.option(fc.constantFrom(...TENANTS), { nil: undefined }),
    hours: fc.tuple(arbitraryHour, arbitraryHour),
  })
  .map(({ scope, tenant, hours }): PulseFilters => {
    const [fromMs, toMs] = hours
      .sort((one, other) => (one ?? -999) - (other ?? 999))
      .map((hour) => (hour === undefined ? undefined : START_MS + hour * HOUR_MS));
    return { scope, tenant, fromMs, toMs };
  });

/** Batches of flushes that overlap: their ids interleave, some roll back, and some skip ids of whole blocks. */
const arbitraryFlushes = fc.array(
  fc.record({
    batches: fc.array(
      fc.record({
        rows: fc.array(fc.tuple(fc.constantFrom(...TENANTS), fc.integer({ min: -800, max: 800 })), {
          minLength: 1,
          maxLength: 30,
        }),
        ends: fc.constantFrom('COMMIT' as const, 'COMMIT' as const, 'ROLLBACK' as const),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    isInOneBlock: fc.boolean(),
    skippedIds: fc.constantFrom(0, 0, 100, 16_384, 40_000),
    seed: fc.nat(),
  }),
  { minLength: 1, maxLength: 5 },
);

test('pages and walks are those of the whole list, whatever order flushes commit in', async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryFlushes,
      fc.array(fc.tuple(arbitraryFilters, fc.nat(120), fc.integer({ min: 1, max: 40 })), {
        minLength: 8,
        maxLength: 8,
      }),
      async (flushes, questions) => {
        for (const { batches, isInOneBlock, skippedIds } of flushes) {
          const startOf = isInOneBlock ? openFlushInOneBlock : openFlush;
          const open = await Promise.all(
            batches.map(({ rows }) =>
              startOf(
                pool,
                rows.map((given) => row(...given)),
              ),
            ),
          );
          await Promise.all(batches.map(({ ends }, index) => end(open.at(-1 - index)!, ends)));
          await pool.query(
            `SELECT setval('pulses_id_seq', coalesce(pg_sequence_last_value('pulses_id_seq'), 0) + 1 + $1)`,
            [skippedIds],
          );
        }
        for (const [filters, offset, limit] of questions) {
          const expected = await idsInOrder(filters);
          const { rows, total } = await listPulses(pool, filters, { offset, limit });
          expect({ total, ids: idsOf(rows) }).toEqual({
            total: expected.length,
            ids: expected.slice(offset, offset + limit),
          });
          expect(await walk(filters, limit + 20)).toEqual(expected);
        }
      },
    ),
    { numRuns: 12 },
  );
});

test('what flushes count is what the migration counts in rows that are there already', async () => {
  await insertBatch(pool, [row('a'), row('b', 700)]);
  const sql = await readFile(
    new URL('../../migrations/0036_pulse_pages.sql', import.meta.url),
    'utf8',
  );
  const fill = /INSERT INTO pulse_blocks \([^)]*\)\n(SELECT[^;]*)/.exec(sql)![1]!;
  const columns = '(block, month, flush_batch_id, row_count, window_min, window_max)';
  const { rows } = await pool.query(
    `WITH counted AS (SELECT * FROM (${fill}) AS t ${columns})
     (SELECT block, month::date, flush_batch_id, row_count, window_min, window_max FROM counted
      EXCEPT ALL TABLE pulse_blocks)
     UNION ALL (TABLE pulse_blocks EXCEPT ALL
      SELECT block, month::date, flush_batch_id, row_count, window_min, window_max FROM counted)`,
  );
  expect(rows).toEqual([]);
  expect((await pool.query('SELECT FROM pulse_blocks')).rowCount).toBeGreaterThan(2);
});

describe.each([
  ['takes its ids in one block', openFlushInOneBlock],
  ['gives each row its own id', openFlush],
])('while a flush with lower ids is in progress that %s', (_, start) => {
  test('pages have what is committed, and walks leave higher ids for later', async () => {
    const before = await walk({ scope: 'all' }, 1000);
    const slow = await start(pool, [row('a'), row('b')]);
    try {
      await end(await start(pool, [row('a'), row('c')]));
      const { total } = await listPulses(pool, { scope: 'all' }, { offset: 0, limit: 1 });
      expect(total).toBe(before.length + 2);
      for (const scope of SCOPES) {
        expect(await walk({ scope }, 7)).toEqual(
          (await idsInOrder({ scope })).filter((id) => before.includes(id)),
        );
      }
    } finally {
      await end(slow);
    }
    const all = await idsInOrder({ scope: 'all' });
    expect(all).toHaveLength(before.length + 4);
    expect(await walk({ scope: 'all' }, 1000, before.at(-1))).toEqual(all.slice(before.length));
  });

  test('a walk that goes on meanwhile passes every row once', async () => {
    const last = (await idsInOrder({ scope: 'all' })).at(-1)!;
    const state = { isWriting: true };
    const writers = Promise.all(
      [1, 2, 3, 4].map(async (writer) => {
        for (let batch = 0; batch < 25; batch++) {
          const flush = await start(
            pool,
            Array.from({ length: writer }, () => row('a', batch)),
          );
          await pool.query('SELECT pg_sleep($1)', [Math.random() / 100]);
          await end(flush, batch % 5 === 0 ? 'ROLLBACK' : 'COMMIT');
        }
      }),
    ).finally(() => {
      state.isWriting = false;
    });
    const seen: string[] = [];
    while (state.isWriting) seen.push(...(await walk({ scope: 'all' }, 3, seen.at(-1) ?? last)));
    await writers;
    seen.push(...(await walk({ scope: 'all' }, 3, seen.at(-1) ?? last)));
    const all = await idsInOrder({ scope: 'all' });
    expect(seen).toEqual(all.slice(all.indexOf(last) + 1));
    expect(seen).toHaveLength(200);
  });
});

test('a tenant with many rows, or a rare one among them, is listed and walked in order', async () => {
  await insertBatch(pool, [row('first of many', 1)]);
  const client = await pool.connect();
  await client.query('BEGIN');
  await client.query(
    `WITH batch AS (
       INSERT INTO flush_batches (id, shard, row_count, pulse_count, window_min, window_max, opened_at)
       VALUES (gen_random_uuid(), 0, 51000, 51000, $1, $1, now()) RETURNING id, window_min)
     INSERT INTO pulses (tenant, product_sku, use_unity, used_amount, pulse_count, window_start, flush_batch_id)
     SELECT 'many', 'sku', 'GB', 1, 1, window_min, id FROM batch, generate_series(1, 51000)`,
    [new Date(START_MS)],
  );
  await end(client);
  await insertBatch(pool, [row('many', 1), row('rare')]);
  for (const tenant of ['many', 'rare']) {
    const expected = await idsInOrder({ scope: 'all', tenant });
    for (const scope of ['all', [tenant]] as const) {
      const filters = { scope, tenant };
      const { rows, total } = await listPulses(pool, filters, { offset: 50_998, limit: 5 });
      expect({ total, ids: idsOf(rows) }).toEqual({
        total: expected.length,
        ids: expected.slice(50_998, 51_003),
      });
      expect(await walk(filters, 1000)).toEqual(expected);
    }
  }
  // Without a tenant the search is bounded: pages are empty until the rare row comes.
  const rare = await listPulses(pool, { scope: 'all', unit: 'none' }, { offset: 0, limit: 5 });
  expect(rare).toEqual({ rows: [], total: 0 });
  expect(await walk({ scope: 'all', unit: 'none' }, 10)).toEqual([]);
  const [firstPage] = [
    await listPulsesAfter(pool, { scope: 'all', unit: 'none' }, { after: '0', limit: 10 }),
  ];
  expect(firstPage.rows).toEqual([]);
  expect(firstPage.next).not.toBeNull();
});

test('pages stay right after months are dropped', async () => {
  const months = ['pulses_2025_12', 'pulses_2026_01'];
  const before = await idsInOrder({ scope: 'all' });
  expect(await dropMonths(pool, 'pulses', months)).toEqual(months);
  const expected = await idsInOrder({ scope: 'all' });
  expect(expected.length).toBeLessThan(before.length);
  for (const offset of [0, 3, expected.length - 4, expected.length]) {
    const { rows, total } = await listPulses(pool, { scope: 'all' }, { offset, limit: 10 });
    expect({ total, ids: idsOf(rows) }).toEqual({
      total: expected.length,
      ids: expected.slice(offset, offset + 10),
    });
  }
  const filters = { scope: 'all', fromMs: START_MS + 40 * HOUR_MS } as const;
  expect((await listPulses(pool, filters, { offset: 0, limit: 1 })).total).toBe(
    (await idsInOrder(filters)).length,
  );
  expect(await walk({ scope: 'all' }, 1000)).toEqual(expected);
});

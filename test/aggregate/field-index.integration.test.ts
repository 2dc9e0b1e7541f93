import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Accumulator, RowFilter, SealedBatchRef } from '../../src/aggregate/accumulator.ts';
import { shardKeys, toField } from '../../src/aggregate/keys.ts';
import { libraryCode } from '../../src/aggregate/library.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { startPrivateRedis, type PrivateRedis } from '../support/private-redis.ts';
import { arbitraryKeyText, parsedPulse, toNanos } from '../support/pulses.ts';
import {
  applyAll,
  createTestAccumulator,
  openRedis,
  Oracle,
  type Sum,
} from './aggregate-fixture.ts';

// Functions and the statistics of commands belong to the whole server, so these tests use a separate one.
let server: PrivateRedis;
let redis: RedisClient;
let accumulator: Accumulator;

beforeAll(async () => {
  server = await startPrivateRedis();
  redis = await openRedis(server.url);
  accumulator = createTestAccumulator(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.close();
});
beforeEach(async () => {
  await redis.flushall();
  await load(libraryCode());
});

const INDEX = '{0}:fields:';

async function load(code: string): Promise<void> {
  await redis.call('FUNCTION', 'LOAD', 'REPLACE', code);
}

/** The library of a build that knows no index. */
function codeWithoutIndex(): string {
  const code = libraryCode().replace(/^ *pcall\(index_fields,.*$/m, '');
  expect(code).not.toBe(libraryCode());
  return code;
}

async function callsOf(command: string): Promise<number> {
  const stats = await redis.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

/** How often Redis scanned while `work` ran. */
async function scansDuring(work: () => Promise<unknown>): Promise<number> {
  const before = await callsOf('hscan');
  await work();
  return (await callsOf('hscan')) - before;
}

async function liveBatch(): Promise<SealedBatchRef> {
  const { live } = await accumulator.readBooks(0);
  return { shard: 0, batchId: live!.batchId };
}

/** The sums that a reader finds; `between` runs after each step but the last. */
async function find(
  batch: SealedBatchRef,
  filter: RowFilter,
  between: (step: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<{ sums: Map<string, Sum>; steps: number }> {
  const sums = new Map<string, Sum>();
  let cursor = '0';
  for (let steps = 1; ; steps++) {
    const step = await accumulator.readMatching(batch, { cursor, filter });
    for (const row of step!.rows) {
      sums.set(toField(row), { nanos: toNanos(row.amount), count: row.pulseCount });
    }
    cursor = step!.cursor;
    if (cursor === '0') return { sums, steps };
    await between(steps);
  }
}

/** What it should find. */
function expected(oracle: Oracle, tenants: readonly string[]): Map<string, Sum> {
  return new Map(
    [...oracle.sums].filter(([field]) => tenants.includes(field.slice(0, field.indexOf('\x1f')))),
  );
}

async function count(oracle: Oracle, pulses: readonly Pulse[]): Promise<void> {
  for (const pulse of pulses) oracle.take(pulse);
  await applyAll(accumulator, pulses);
}

const pulsesOf = (tenants: readonly string[], skuCount: number, round = 0) =>
  tenants.flatMap((tenant) =>
    Array.from({ length: skuCount }, (_, sku) =>
      parsedPulse({ tenant, sku: `sku ${sku}`, id: `${round}-${sku}` }),
    ),
  );

test('a question about an absent tenant looks at none of 60,000 live sums', async () => {
  const oracle = new Oracle();
  const tenants = Array.from({ length: 2_000 }, (_, index) => `tenant-${index}`);
  for (let from = 0; from < 2_000; from += 200) {
    await count(oracle, pulsesOf(tenants.slice(from, from + 200), 30));
  }
  const batch = await liveBatch();
  const reads = await callsOf('hmget');
  const scans = await scansDuring(async () => {
    expect(await find(batch, { tenants: ['nobody'] })).toEqual({ sums: new Map(), steps: 1 });
    expect(await find(batch, { tenants: [] })).toEqual({ sums: new Map(), steps: 1 });
    expect(await callsOf('hmget')).toBe(reads);
    const asked = ['tenant-7', 'nobody', 'tenant-1999'];
    expect((await find(batch, { tenants: asked })).sums).toEqual(expected(oracle, asked));
  });
  expect(scans).toBe(0);
  // A question about all tenants still scans.
  expect(await scansDuring(() => find(batch, {}))).toBeGreaterThan(1);
});

test('any pulses of any tenants are found, live and sealed, and only those asked for', async () => {
  // Short names, names that begin or end alike, globs.
  const names = [
    'a',
    'ab',
    'abc',
    'abcd',
    'b',
    '*',
    'a*',
    '[a]',
    'tenant-1',
    'tenant-11',
    'é',
    '😀',
  ];
  const name = fc.oneof(fc.constantFrom(...names), arbitraryKeyText(20));
  const pulse = fc
    .record({
      tenant: name,
      sku: fc.constantFrom('x', 'y', 'a'),
      unit: fc.constantFrom('GB', 'h'),
      hour: fc.integer({ min: 0, max: 2 }),
      id: fc.option(fc.constantFrom('1', '2', '3'), { nil: undefined }),
    })
    .map(({ hour, ...key }) => parsedPulse({ ...key, windowStartSec: (490_000 + hour) * 3_600 }));
  const batches = fc.array(fc.array(pulse, { minLength: 1, maxLength: 20 }), {
    minLength: 1,
    maxLength: 4,
  });
  const property = fc.asyncProperty(
    batches,
    fc.array(name, { maxLength: 4 }),
    async (all, more) => {
      await redis.flushall();
      const oracle = new Oracle();
      for (const pulses of all) await count(oracle, pulses);
      const batch = await liveBatch();
      const asked = [...more, '', all[0]![0]!.tenant, 'absent'];
      const scans = await scansDuring(async () => {
        for (const tenants of [asked, ...asked.map((tenant) => [tenant])]) {
          expect((await find(batch, { tenants })).sums).toEqual(expected(oracle, tenants));
        }
        const [one] = [...expected(oracle, asked)].filter(([field]) => field.includes('\x1fx\x1f'));
        const { sums } = await find(batch, { tenants: asked, skus: ['x'] });
        expect(sums.get(one?.[0] ?? '')).toEqual(one?.[1]);
        await accumulator.seal(0);
        expect((await find(batch, { tenants: asked })).sums).toEqual(expected(oracle, asked));
      });
      expect(scans).toBe(0);
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

test('counting and sealing between two steps lose no sum that was there before', async () => {
  const oracle = new Oracle();
  for (let part = 0; part < 3; part++)
    await count(oracle, pulsesOf([`big`, `part-${part}`], 2_500, part));
  const more = Array.from({ length: 3 }, (_, part) =>
    Array.from({ length: 2_000 }, (_, sku) =>
      parsedPulse({ tenant: 'big', sku: `${part} ${sku}` }),
    ),
  );
  for (const pulses of more.slice(0, 2)) await count(oracle, pulses);
  const before = expected(oracle, ['big']);
  const batch = await liveBatch();
  const { sums, steps } = await find(batch, { tenants: ['big'] }, async (step) => {
    if (step === 1) await applyAll(accumulator, more[2]!);
    if (step === 2) await accumulator.seal(0);
  });
  expect(steps).toBeGreaterThan(2);
  for (const [field, sum] of before) expect(sums.get(field)).toEqual(sum);
});

describe('an incomplete index is not used', () => {
  const tenants = ['acme', 'other'];
  const first = pulsesOf(tenants, 40, 1);
  const second = pulsesOf([...tenants, 'late'], 60, 2);

  async function expectScan(oracle: Oracle): Promise<void> {
    const batch = await liveBatch();
    const scans = await scansDuring(async () => {
      for (const tenant of ['acme', 'late', 'nobody']) {
        const { sums } = await find(batch, { tenants: [tenant] });
        expect(sums).toEqual(expected(oracle, [tenant]));
      }
    });
    expect(scans).toBe(3);
  }

  test('in a batch that began under a library without it; the next batch has one', async () => {
    const oracle = new Oracle();
    await load(codeWithoutIndex());
    await count(oracle, first);
    await load(libraryCode());
    await expectScan(oracle);
    await count(oracle, second);
    await expectScan(oracle);
    await accumulator.seal(0);
    const next = new Oracle();
    await count(next, pulsesOf(['acme'], 3, 3));
    const batch = await liveBatch();
    const scans = await scansDuring(async () => {
      expect((await find(batch, { tenants: ['acme'] })).sums).toEqual(expected(next, ['acme']));
    });
    expect(scans).toBe(0);
  });

  test('in a batch that went on under a library without it', async () => {
    const oracle = new Oracle();
    await count(oracle, first);
    await load(codeWithoutIndex());
    await count(oracle, second);
    await load(libraryCode());
    await expectScan(oracle);
    await count(oracle, pulsesOf(['late'], 70, 4));
    await expectScan(oracle);
  });

  test('and never stops counting: when its keys were replaced or removed', async () => {
    for (const sabotage of ['type', 'count', 'count type']) {
      await redis.flushall();
      const oracle = new Oracle();
      await count(oracle, first);
      const { batchId } = await liveBatch();
      if (sabotage === 'type') {
        for (const key of await redis.keys(`${INDEX}${batchId}:*`)) await redis.set(key, 'x');
      }
      if (sabotage === 'count') await redis.del(INDEX + batchId);
      if (sabotage === 'count type') {
        await redis.del(INDEX + batchId);
        await redis.lpush(INDEX + batchId, 'x');
      }
      await count(oracle, second);
      await expectScan(oracle);
    }
  });
});

describe('the keys of an index', () => {
  test('stay through a seal and go with their batch, not with another', async () => {
    await applyAll(accumulator, pulsesOf(['acme', 'other'], 5));
    const sealed = await accumulator.seal(0);
    await applyAll(accumulator, pulsesOf(['acme'], 5, 1));
    const live = await liveBatch();
    expect(await redis.get(INDEX + sealed!.batchId)).toBe('10');
    expect(await redis.get(INDEX + live.batchId)).toBe('5');
    await accumulator.discardSealed(sealed!);
    await accumulator.discardSealed(sealed!);
    expect(await redis.keys(`${INDEX}${sealed!.batchId}*`)).toEqual([]);
    expect(await redis.keys(`${INDEX}${live.batchId}*`)).toHaveLength(2);
  });

  test('change only when a field is new, not for duplicates or further pulses', async () => {
    await applyAll(accumulator, pulsesOf(['acme'], 5));
    const { batchId } = await liveBatch();
    const dumps = async () => {
      const keys = (await redis.keys(`${INDEX}*`)).sort();
      return Promise.all(keys.map(async (key) => [key, await redis.dumpBuffer(key)]));
    };
    const before = await dumps();
    const writes = await callsOf('rpush');
    const again = pulsesOf(['acme'], 5);
    const duplicateOfNewKey = parsedPulse({ tenant: 'acme', sku: 'sku 9', id: '0-1' });
    await applyAll(accumulator, [...again, duplicateOfNewKey, ...pulsesOf(['acme'], 5, 1)]);
    expect(await dumps()).toEqual(before);
    expect(await callsOf('rpush')).toBe(writes);
    expect(await redis.get(INDEX + batchId)).toBe(
      String((await redis.hlen(shardKeys(0).live)) - 5),
    );
  });
});

import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { createKeyUsage } from '../../src/http/idempotency-usage.ts';

/** A pool whose counts end when the test says so. */
function scriptedPool() {
  const counts: ((keyCount: number | Error) => void)[] = [];
  const query = (sql: string) => {
    if (!sql.includes('count')) return Promise.resolve({ command: sql, rows: [] });
    return new Promise((resolve, reject) => {
      counts.push((keyCount) => {
        if (keyCount instanceof Error) reject(keyCount);
        else resolve({ rows: [{ keyCount, bytes: 0 }] });
      });
    });
  };
  const client = {
    query,
    release: () => undefined,
    on: () => client,
    off: () => client,
  };
  return { counts, pool: { connect: () => Promise.resolve(client) } as unknown as Pool };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a caller is counted once for all of its requests that wait, with what was added meanwhile', async () => {
  const { counts, pool } = scriptedPool();
  const usages = createKeyUsage();
  const all = Promise.all(Array.from({ length: 20 }, () => usages.of(pool, 'user a')));
  usages.add('user a', { keyCount: 1, bytes: 5 });
  await settled();
  expect(counts).toHaveLength(1);
  counts[0]!(7);
  for (const usage of await all) expect(usage).toEqual({ keyCount: 8, bytes: 5 });
  expect(await usages.of(pool, 'user a')).toEqual({ keyCount: 8, bytes: 5 });
  expect(counts).toHaveLength(1);
});

test('a count that fails is repeated for the next request', async () => {
  const { counts, pool } = scriptedPool();
  const usages = createKeyUsage();
  const failed = usages.of(pool, 'user a');
  usages.add('user a', { keyCount: 1, bytes: 0 });
  await settled();
  counts[0]!(new Error('gone'));
  await expect(failed).rejects.toThrow();
  const second = usages.of(pool, 'user a');
  await settled();
  counts[1]!(3);
  expect(await second).toEqual({ keyCount: 3, bytes: 0 });
});

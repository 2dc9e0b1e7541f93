import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { withCancel } from '../../src/platform/cancel-statement.ts';

test('a cancel request that ends nothing is sent again, until the work ends', async () => {
  const caller = new AbortController();
  const statement = new AbortController();
  const work = async () => {
    await once(statement.signal, 'abort');
    throw new Error('canceling statement');
  };
  const query = vi.fn(() => {
    // The first request comes before the statement.
    if (query.mock.calls.length === 2) statement.abort();
    return Promise.resolve();
  });
  const pool = { query } as unknown as Parameters<typeof withCancel>[0];
  const running = withCancel(pool, { processId: 7, signal: caller.signal }, work);
  caller.abort();
  await expect(running).rejects.toThrow('canceling statement');
  expect(query.mock.calls).toEqual(Array(2).fill(['SELECT pg_cancel_backend($1)', [7]]));
});

test('work that ends by itself is not cancelled', async () => {
  const caller = new AbortController();
  const query = vi.fn();
  const pool = { query } as unknown as Parameters<typeof withCancel>[0];
  const running = withCancel(pool, { processId: 7, signal: caller.signal }, () =>
    Promise.resolve('done'),
  );
  await expect(running).resolves.toBe('done');
  caller.abort();
  expect(query).not.toHaveBeenCalled();
});

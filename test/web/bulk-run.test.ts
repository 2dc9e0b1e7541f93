import { expect, test } from 'vitest';
import { receivedBefore, runSteps } from '../../web/src/pages/dead-letters/bulk-run.ts';

const ALL = { total: 2_500, stepMax: 1_000, onProgress: () => undefined };

test('goes on until all that were confirmed are done, and says why others were left', async () => {
  const limits: number[] = [];
  const seen: number[] = [];
  const { signal } = new AbortController();
  const outcome = await runSteps(
    { ...ALL, signal, onProgress: (count) => seen.push(count) },
    (limit) => {
      limits.push(limit);
      return Promise.resolve({ done: limit - 1, leftOut: { missing: 1, other: 0 }, isLast: false });
    },
  );
  expect(limits).toEqual([1_000, 1_000, 500]);
  expect(seen).toEqual([1_000, 2_000, 2_500]);
  expect(outcome).toEqual({ done: 2_497, leftOut: [['missing', 3]], isStopped: false });
});

test('ends when nothing more matches', async () => {
  const { signal } = new AbortController();
  const step = () => Promise.resolve({ done: 0, leftOut: {}, isLast: true });
  expect(await runSteps({ ...ALL, signal }, step)).toMatchObject({ done: 0, isStopped: false });
});

test('takes no further step once it is stopped, and says how many were done', async () => {
  const stopping = new AbortController();
  let steps = 0;
  const outcome = await runSteps({ ...ALL, signal: stopping.signal }, (limit) => {
    steps += 1;
    stopping.abort();
    return Promise.resolve({ done: limit, leftOut: {}, isLast: false });
  });
  expect(steps).toBe(1);
  expect(outcome).toEqual({ done: 1_000, leftOut: [], isStopped: true });
});

test('what arrives after the dry run is out of its filters', () => {
  const now = 'Mon, 30 Nov 2026 12:00:05 GMT';
  const toOf = (filters: { to?: string }) => receivedBefore(filters, now).to;
  expect(receivedBefore({ tenant: 'acme' } as { to?: string }, now)).toEqual({
    ...{ tenant: 'acme', to: '2026-11-30T12:00:05.000Z' },
  });
  expect(toOf({ to: '2026-11-30T11:00:00+01:00' })).toBe('2026-11-30T11:00:00+01:00');
  expect(toOf({ to: '2026-12-01T00:00:00Z' })).toBe('2026-11-30T12:00:05.000Z');
  expect(toOf({ to: 'no time' })).toBe('no time');
});

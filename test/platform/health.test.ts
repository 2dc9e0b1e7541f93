import { expect, test } from 'vitest';
import { createProcessHealth } from '../../src/platform/health.ts';

const pass = { name: 'redis', check: () => Promise.resolve() };
const fail = { name: 'postgres', check: () => Promise.reject(new Error('connection refused')) };
const options = { timeoutMs: 10_000, onFailure: () => undefined };

test('is not ready while starting or closing', async () => {
  const health = createProcessHealth(options);
  health.add([pass]);
  expect(await health.report()).toEqual({ ready: false, checks: [{ name: 'redis', ready: true }] });
  health.phase = 'running';
  expect((await health.report()).ready).toBe(true);
  health.phase = 'closing';
  expect((await health.report()).ready).toBe(false);
});

test('an unavailable server is named, but the reason is not shown to callers', async () => {
  const reasons: unknown[] = [];
  const health = createProcessHealth({
    timeoutMs: 10_000,
    onFailure: (error, name) => reasons.push([name, (error as Error).message]),
  });
  health.add([pass, fail]);
  health.phase = 'running';
  expect(await health.report()).toEqual({
    ready: false,
    checks: [
      { name: 'redis', ready: true },
      { name: 'postgres', ready: false },
    ],
  });
  expect(reasons).toEqual([['postgres', 'connection refused']]);
});

test('a check without an answer times out, and concurrent callers share one run', async () => {
  let asked = 0;
  const health = createProcessHealth({ ...options, timeoutMs: 20 });
  health.add([
    {
      name: 'rabbitmq',
      check: () => {
        asked += 1;
        return new Promise<void>(() => undefined);
      },
    },
  ]);
  health.phase = 'running';
  const [one, other] = await Promise.all([health.report(), health.report()]);
  expect(one).toEqual({ ready: false, checks: [{ name: 'rabbitmq', ready: false }] });
  expect(other).toEqual(one);
  expect(asked).toBe(1);
});

test('of two checks with the same name, the first one is kept', async () => {
  const health = createProcessHealth(options);
  health.add([pass]);
  health.add([{ ...fail, name: 'redis' }]);
  health.phase = 'running';
  expect((await health.report()).ready).toBe(true);
});

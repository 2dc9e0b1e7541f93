import { expect, test } from 'vitest';
import { createProcessHealth } from '../../src/platform/health.ts';

const pass = { name: 'redis', check: () => Promise.resolve() };
const fail = { name: 'postgres', check: () => Promise.reject(new Error('away')) };
const options = { timeoutMs: 10_000, onFailure: () => undefined };

test('is not ready before the start has ended, nor while closing', async () => {
  const health = createProcessHealth(options);
  health.add([pass]);
  expect(await health.report()).toEqual({ ready: false, checks: [{ name: 'redis', ready: true }] });
  health.phase = 'running';
  expect((await health.report()).ready).toBe(true);
  health.phase = 'closing';
  expect((await health.report()).ready).toBe(false);
});

test('one server that is away is named, and tells why to nobody who asks', async () => {
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
  expect(reasons).toEqual([['postgres', 'away']]);
});

test('a check without an answer fails in time, and is asked once for all who wait', async () => {
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

test('of two checks with one name the first stands', async () => {
  const health = createProcessHealth(options);
  health.add([pass]);
  health.add([{ ...fail, name: 'redis' }]);
  health.phase = 'running';
  expect((await health.report()).ready).toBe(true);
});

import { expect, test, vi, onTestFinished } from 'vitest';
import { createFairTurns, type FairTurnsOptions } from '../../src/platform/fair-turns.ts';

const OPTIONS: FairTurnsOptions = {
  runningMax: 3,
  runningMaxPerShare: 2,
  waitingMaxPerShare: 5,
  waitMs: 10_000,
};

/** Work that notes when it starts, and ends when told or with the test. */
function openWork(options: Partial<FairTurnsOptions> = {}) {
  const turns = createFairTurns({ ...OPTIONS, ...options });
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  let isOver = false;
  onTestFinished(async () => {
    isOver = true;
    for (const end of ends.values()) end();
    await settle();
  });
  return {
    started,
    begin: (share: string, name: string) =>
      turns.run(share, () => {
        started.push(name);
        if (isOver) return Promise.resolve(name);
        return new Promise<string>((resolve) => {
          ends.set(name, () => {
            resolve(name);
          });
        });
      }),
    end: async (name: string) => {
      ends.get(name)?.();
      await settle();
    },
    turns,
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('a tenant never takes the last turn of the others', async () => {
  const { begin, started } = openWork();
  void begin('greedy', 'greedy 1');
  void begin('greedy', 'greedy 2');
  void begin('greedy', 'greedy 3');
  void begin('modest', 'modest 1');
  await settle();
  expect(started).toEqual(['greedy 1', 'greedy 2', 'modest 1']);
});

test('shares take turns, and each keeps its order', async () => {
  const { begin, end, started } = openWork({ runningMax: 1, runningMaxPerShare: 1 });
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) void begin(name[0]!, name);
  await settle();
  for (const name of ['a1', 'b1', 'c1', 'a2', 'b2']) await end(name);
  expect(started).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
});

test('work that fails ends its turn, and its error reaches the caller', async () => {
  const { turns } = openWork({ runningMax: 1, runningMaxPerShare: 1 });
  const failing = turns.run('a', () => Promise.reject(new Error('failed')));
  await expect(failing).rejects.toThrow('failed');
  await expect(turns.run('b', () => Promise.resolve('done'))).resolves.toBe('done');
});

test('what waits has a limit per share', async () => {
  const { begin } = openWork({ runningMaxPerShare: 1, waitingMaxPerShare: 1 });
  void begin('a', 'a1');
  void begin('a', 'a2');
  await expect(begin('a', 'a3')).rejects.toMatchObject({
    code: 'PULSE_POSTGRES_BUSY',
    retryable: true,
  });
  await settle();
});

test('a turn that does not come in time is refused, and leaves no gap', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { begin, end, started } = openWork({ runningMaxPerShare: 1 });
  void begin('a', 'a1');
  const late = begin('a', 'a2');
  const refused = expect(late).rejects.toMatchObject({ code: 'PULSE_POSTGRES_BUSY' });
  vi.advanceTimersByTime(OPTIONS.waitMs);
  await refused;
  void begin('a', 'a3');
  await settle();
  await end('a1');
  expect(started).toEqual(['a1', 'a3']);
});

import { expect, test } from 'vitest';
import { createSharedRead } from '../../src/platform/shared-read.ts';

test('callers that ask together share one read, and a result that is kept', async () => {
  let reads = 0;
  const read = createSharedRead({ read: () => Promise.resolve((reads += 1)), keepMs: 60_000 });
  expect(await Promise.all([read(), read()])).toEqual([1, 1]);
  expect(await read()).toBe(1);
});

test('a read that hangs is not started again, and its late result is of use', async () => {
  let reads = 0;
  const answers: ((value: string) => void)[] = [];
  const read = createSharedRead({
    read: () => {
      reads += 1;
      return new Promise<string>((resolve) => answers.push(resolve));
    },
    withinMs: 5,
    keepMs: 0,
  });
  await expect(read()).rejects.toMatchObject({ code: 'PULSE_TIMEOUT' });
  await expect(read()).rejects.toMatchObject({ code: 'PULSE_TIMEOUT' });
  expect(reads).toBe(1);
  const late = read();
  answers[0]!('late');
  expect(await late).toBe('late');
});

test('a failure is not kept', async () => {
  const results = [Promise.reject(new Error('once')), Promise.resolve('then')];
  const read = createSharedRead({ read: () => results.shift()!, keepMs: 60_000 });
  await expect(read()).rejects.toThrow('once');
  expect(await read()).toBe('then');
});

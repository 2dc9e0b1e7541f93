import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { sleep } from '../../src/platform/backoff.ts';
import { withChildSignal } from '../../src/platform/child-signal.ts';

test('the work ends with any of the parents, for the same reason', async () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const reason = await withChildSignal([one.signal, other.signal], async (signal) => {
    setImmediate(() => {
      other.abort('enough');
    });
    await sleep(60_000, signal);
    return signal.reason as unknown;
  });
  expect(reason).toBe('enough');
});

test('a parent that has aborted before ends it at once', async () => {
  const reasonOf = (signal: AbortSignal) => Promise.resolve(signal.reason as unknown);
  const { signal } = new AbortController();
  expect(await withChildSignal([signal, AbortSignal.abort('before')], reasonOf)).toBe('before');
});

test('nothing is left behind, whether the work succeeds or fails', async () => {
  const { signal } = new AbortController();
  const children: AbortSignal[] = [];
  const note = (child: AbortSignal) => Promise.resolve(children.push(child));
  const fail = () => Promise.reject(new Error('no'));
  await withChildSignal([signal], note);
  await expect(withChildSignal([signal], fail)).rejects.toThrow('no');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  // Timers that waited for it end with the work.
  expect(children.map(({ aborted }) => aborted)).toEqual([true]);
});

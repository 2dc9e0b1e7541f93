import { expect, test } from 'vitest';
import { NO_TRACING } from '../../src/platform/tracing.ts';

test('with traces off, work runs and nothing is recorded', async () => {
  expect(NO_TRACING.enabled).toBe(false);
  const answer = await NO_TRACING.span('flush', {}, (span) => {
    expect(span.isRecording()).toBe(false);
    return Promise.resolve(7);
  });
  expect(answer).toBe(7);
  const span = NO_TRACING.start('batch', {});
  expect(NO_TRACING.enter(span, () => NO_TRACING.traceparent() ?? 'none')).toBe('none');
  span.setAttribute('pulses', 1).end();
  await NO_TRACING.close();
});

test('with traces off, an error of the work reaches the caller', async () => {
  const work = () => Promise.reject(new Error('no space'));
  await expect(NO_TRACING.span('flush', {}, work)).rejects.toThrow('no space');
});

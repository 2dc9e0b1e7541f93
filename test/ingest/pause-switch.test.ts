import { expect, test } from 'vitest';
import { createPauseSwitch } from '../../src/ingest/pause-switch.ts';

const never = new AbortController().signal;
const PAUSED = { paused: true };
const RESUMED = { paused: false };

test('a wait ends when the wanted state is reached, not when the same state is set again', async () => {
  const pauseSwitch = createPauseSwitch(true);
  let passed = false;
  const passing = pauseSwitch.until(RESUMED, never).then(() => {
    passed = true;
  });
  pauseSwitch.pause();
  await Promise.resolve();
  expect(passed).toBe(false);
  pauseSwitch.resume();
  await passing;
  expect(pauseSwitch.isPaused).toBe(false);
});

test('a wait for the current state ends at once', async () => {
  await createPauseSwitch(true).until(PAUSED, never);
  await createPauseSwitch(false).until(RESUMED, never);
});

test('an abort ends every wait, including those that start after it', async () => {
  const pauseSwitch = createPauseSwitch(true);
  const end = new AbortController();
  const waiting = pauseSwitch.until(RESUMED, end.signal);
  end.abort();
  await waiting;
  await pauseSwitch.until(RESUMED, end.signal);
  expect(pauseSwitch.isPaused).toBe(true);
});

import { expect, test } from 'vitest';
import { createGate } from '../../src/ingest/gate.ts';

const never = new AbortController().signal;

test('waits until it is as asked, however often it changes to the same', async () => {
  const gate = createGate(false);
  let passed = false;
  const passing = gate.until(true, never).then(() => {
    passed = true;
  });
  gate.shut();
  await Promise.resolve();
  expect(passed).toBe(false);
  gate.open();
  await passing;
  expect(gate.isOpen).toBe(true);
});

test('does not wait for what is so already', async () => {
  await createGate(true).until(true, never);
  await createGate(false).until(false, never);
});

test('an abort ends every wait, also one that begins after it', async () => {
  const gate = createGate(false);
  const end = new AbortController();
  const waiting = gate.until(true, end.signal);
  end.abort();
  await waiting;
  await gate.until(true, end.signal);
  expect(gate.isOpen).toBe(false);
});

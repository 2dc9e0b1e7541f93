import { expect, test } from 'vitest';
import { ProblemError } from '../../src/http/problems.ts';
import { createSendGate } from '../../src/sending/send-gate.ts';

const problemOf = (enter: () => unknown): unknown => {
  try {
    enter();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    expect(error.options.headers).toEqual({ 'retry-after': '1' });
    return error.kind.code;
  }
  return 'entered';
};

test('one caller is held back at its own bound, all callers at that of the process', () => {
  const gate = createSendGate({ callerBytesMax: 10, bytesMax: 25 });
  const leave = gate.enter('a', 8);
  expect(problemOf(() => gate.enter('a', 3))).toBe('PULSE_API_TOO_MANY_REQUESTS');
  gate.enter('a', 2);
  gate.enter('b', 10);
  expect(problemOf(() => gate.enter('c', 6))).toBe('PULSE_API_BUSY');
  leave();
  expect(problemOf(() => gate.enter('c', 6))).toBe('entered');
});

test('a body beyond every bound passes when it is alone', () => {
  const gate = createSendGate({ callerBytesMax: 10, bytesMax: 20 });
  const leave = gate.enter('a', 100);
  expect(problemOf(() => gate.enter('a', 1))).toBe('PULSE_API_TOO_MANY_REQUESTS');
  expect(problemOf(() => gate.enter('b', 1))).toBe('PULSE_API_BUSY');
  leave();
  expect(problemOf(() => gate.enter('b', 1))).toBe('entered');
});

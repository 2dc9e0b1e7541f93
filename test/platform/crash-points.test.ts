import { describe, expect, test, vi } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import {
  armCrashPoint,
  createCrashPoint,
  parseCrashPoint,
} from '../../src/platform/crash-points.ts';

const STEPS = {
  ingest: ['applied'],
  thread: ['applied'],
  flush: ['copied', 'checked'],
  export: ['written'],
  message: ['written'],
  delivery: ['sent'],
  aggregate: ['folded'],
};
const parse = (text: string) => parseCrashPoint(text, STEPS);

describe('crash points', () => {
  test('consist of a scope, one of its steps, a count, and kill or stop', () => {
    expect(parse('ingest:applied:3')).toEqual({
      scope: 'ingest',
      step: 'applied',
      count: 3,
      how: 'kill',
    });
    expect(parse('flush:checked:1:stop')).toMatchObject({ how: 'stop' });
    for (const wrong of ['', 'ingest', 'ingest:applied', 'ingest:copied:1', 'flush:copied:0']) {
      expect(parse(wrong)).toBeUndefined();
    }
  });

  test('are refused without the flag', () => {
    const env = { PULSE_CRASH_AT: 'ingest:applied:3' };
    expect(() => parseConfig(env)).toThrow('--allow-test-faults');
    expect(parseConfig(env, { api: false, testFaults: true }).crashAt?.step).toBe('applied');
    expect(() =>
      parseConfig({ PULSE_CRASH_AT: 'nowhere:1' }, { api: false, testFaults: true }),
    ).toThrow('must name a step');
  });

  test('the step is counted over all threads of the process, and fires once', () => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    try {
      const armed = armCrashPoint(parse('ingest:applied:2'));
      const threads = [1, 2].map(() => createCrashPoint(armed, ['ingest', 'thread']));
      threads[0]?.('applied');
      threads[0]?.('taken');
      expect(kill).not.toHaveBeenCalled();
      threads[1]?.('applied');
      threads[0]?.('applied');
      expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, 'SIGKILL');
    } finally {
      kill.mockRestore();
    }
  });

  test('nothing happens in other scopes', () => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    try {
      const armed = armCrashPoint(parse('flush:copied:1'));
      createCrashPoint(armed, ['ingest', 'thread'])('copied');
      createCrashPoint(undefined, ['flush'])('copied');
      expect(kill).not.toHaveBeenCalled();
    } finally {
      kill.mockRestore();
    }
  });
});

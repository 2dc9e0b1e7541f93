import { pino } from 'pino';
import { expect, test } from 'vitest';
import { startWatch } from '../../src/platform/watch.ts';
import { eventually } from '../support/eventually.ts';

test('a failed check clears the result and is logged once, and the next may succeed', async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  let outcome: 'seen' | 'failed' = 'seen';
  let looks = 0;
  const look = (): Promise<string> => {
    looks += 1;
    return outcome === 'seen' ? Promise.resolve('sight') : Promise.reject(new Error('unreachable'));
  };
  const watch = startWatch({ name: 'test', intervalMs: 1, look, logger });
  await eventually(() => watch.latest).toBe('sight');
  outcome = 'failed';
  await eventually(() => watch.latest).toBeUndefined();
  const before = looks;
  await eventually(() => looks).toBeGreaterThan(before + 2);
  expect(lines).toHaveLength(1);
  outcome = 'seen';
  await eventually(() => watch.latest).toBe('sight');
  watch.close();
});

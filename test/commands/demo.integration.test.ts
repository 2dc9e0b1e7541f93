import { expect, test, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS, startPulse, type PulseProcess } from '../support/pulse-process.ts';
import { nothingIsLeft, openDirectory, processesOf } from './left-behind.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

interface DemoLine {
  readonly published: number;
  readonly counted: number;
  readonly duplicates: number;
  readonly dead_letters: number;
  readonly rows: number;
  readonly drift: number;
  readonly orders: object;
  readonly seconds: number;
}

test('two demos at once in one folder both end with a line that confirms all sums', async () => {
  const cwd = openDirectory();
  const demos = [
    startPulse(['demo', '--pulses', '5000'], { cwd }),
    startPulse(['demo', '--pulses', '3000', '--seed', '9'], { cwd }),
  ];
  for (const [index, published] of [5_000, 3_000].entries()) {
    const { exitCode, stdout, stderr } = await demos[index]!.ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const line = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as DemoLine;
    expect(Object.keys(line)).toEqual([
      'published',
      'counted',
      'duplicates',
      'dead_letters',
      'rows',
      'drift',
      'orders',
      'seconds',
    ]);
    const orders = { completed: 2, failed: 1, replayed: 1 };
    expect(line).toMatchObject({ published, drift: 0, orders });
    expect(line.counted + line.duplicates + line.dead_letters).toBe(published);
    for (const count of [line.counted, line.duplicates, line.dead_letters, line.rows]) {
      expect(count).toBeGreaterThan(0);
    }
    expect(stdout).toContain('every sum that the API answers equals what was sent');
  }
  await nothingIsLeft(cwd);
});

test('a demo that is interrupted or killed, early or midway, leaves no process or file behind', async () => {
  const start = () => {
    const cwd = openDirectory();
    const env = { LOG_LEVEL: 'info' };
    return { cwd, demo: startPulse(['demo', '--pulses', '1000000'], { cwd, env }) };
  };
  const early = start();
  await eventually(() => processesOf(early.cwd)).not.toEqual([]);
  early.demo.signal('SIGINT');
  const { exitCode: earlyCode, stderr } = await early.demo.ended;
  expect(earlyCode).toBe(1);
  expect(stderr).not.toContain('    at ');

  const [interrupted, killed] = [start(), start()];
  await Promise.all([isBusy(interrupted.demo), isBusy(killed.demo)]);
  interrupted.demo.signal('SIGINT');
  killed.demo.signal('SIGKILL');
  const { exitCode, stdout } = await interrupted.demo.ended;
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });

  for (const { cwd } of [early, interrupted, killed]) await nothingIsLeft(cwd);
});

/** Waits until the system runs; publishing starts next. */
async function isBusy(demo: PulseProcess): Promise<void> {
  await demo.printed('api listening');
}

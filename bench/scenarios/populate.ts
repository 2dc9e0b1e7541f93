import { randomUUID } from 'node:crypto';
import { generateMessages } from '../../src/populate/generate-messages.ts';
import type { BenchContext, Measured, Scenario } from '../scenario.ts';

/** What a populate run costs before anything is sent. In this process, without servers. */
export const populate: Scenario = {
  name: 'populate',
  measured: 'CPU time of a pulse in the generator of populate runs, one pulse a message',
  against: '',
  unit: 'µs/pulse',
  judgement: 'value at most',
  mustReach: 2,
  aim: 1,
  open: (context) => {
    let pulseCount = 0;
    return Promise.resolve({
      prepare(warmUp) {
        pulseCount = warmUp || context.quick ? 200_000 : 1_000_000;
        return Promise.resolve();
      },
      product(): Promise<Measured> {
        const value = generate(context, pulseCount, 1);
        const details = { of_hundred_us: generate(context, pulseCount, 100) };
        return Promise.resolve({ value, details });
      },
      verify: () => Promise.resolve(),
      close: () => Promise.resolve(),
    });
  },
};

/** @returns Microseconds of CPU time a pulse. */
function generate({ timestamp }: BenchContext, count: number, pulsesPerMessage: number): number {
  const options = { runId: randomUUID(), nowMs: Date.parse(timestamp), count, pulsesPerMessage };
  const before = process.cpuUsage();
  let pulseCount = 0;
  for (const message of generateMessages(options)) pulseCount += message.pulseCount;
  const { user, system } = process.cpuUsage(before);
  if (pulseCount !== count) throw new Error(`${pulseCount} of ${count} pulses were generated.`);
  return (user + system) / count;
}

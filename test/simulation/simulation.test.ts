import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { commands, peacefulCommands } from './commands.ts';
import { simulate, systemOptions, type RunReport } from './run.ts';
import { CIRCUMSTANCES, type Circumstance } from './world.ts';

vi.mock('node:timers/promises', async () => {
  const { delay } = await import('./virtual-clock.ts');
  return { setTimeout: delay };
});
vi.mock('../../src/platform/rabbit-connection.ts', () => import('./rabbit-doors.ts'));

/**
 * To see a failure again: SIMULATION_SEED and SIMULATION_PATH as it was printed. To search for longer:
 * SIMULATION_RUNS. A mutation needs one counterexample, not the smallest: SIMULATION_SHRINK=off.
 */
const { SIMULATION_RUNS, SIMULATION_SEED, SIMULATION_PATH, SIMULATION_SHRINK } = process.env;
const RUNS = Number(SIMULATION_RUNS ?? 1_000);
/** Fewer runs are not expected to come across everything. */
const RUNS_TO_MEET_ALL = 500;
/** The rarest circumstances are met in five of 1,000 runs; whoever has not met one yet runs as many again. */
const SERIES_MAX = 5;
const PARAMETERS = {
  ...(SIMULATION_SEED === undefined ? {} : { seed: Number(SIMULATION_SEED) }),
  ...(SIMULATION_PATH === undefined ? {} : { path: SIMULATION_PATH }),
  endOnFailure: SIMULATION_SHRINK === 'off',
  includeErrorInReport: true,
};
const TIMEOUT = { timeout: 60_000 + RUNS * 400 };

async function simulateMany(
  numRuns: number,
  plans: typeof commands,
  peaceful: boolean,
): Promise<RunReport[]> {
  const reports: RunReport[] = [];
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), systemOptions, plans, async (scheduler, options, plan) => {
      reports.push(await simulate(scheduler, { ...options, peaceful }, plan));
    }),
    { ...PARAMETERS, numRuns },
  );
  return reports;
}

test(
  'whatever fails whenever, every pulse with an id is counted exactly once',
  TIMEOUT,
  async () => {
    const missing = new Set<Circumstance>(CIRCUMSTANCES);
    for (let series = 0; series < SERIES_MAX && missing.size > 0; series++) {
      for (const { met } of await simulateMany(RUNS, commands, false)) {
        for (const circumstance of met.keys()) missing.delete(circumstance);
      }
      if (RUNS < RUNS_TO_MEET_ALL || SIMULATION_SEED !== undefined) return;
    }
    expect([...missing]).toEqual([]);
  },
);

test(
  'while nothing fails except dead letters, pulses without id are counted exactly once too, and the books balance at any moment',
  TIMEOUT,
  async () => {
    await simulateMany(Math.ceil(RUNS / 4), peacefulCommands, true);
  },
);

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
 * To reproduce a failure, set SIMULATION_SEED and SIMULATION_PATH to the printed values. To search longer, set
 * SIMULATION_RUNS. A mutation needs one counterexample, not the smallest: SIMULATION_SHRINK=off.
 */
const { SIMULATION_RUNS, SIMULATION_SEED, SIMULATION_PATH, SIMULATION_SHRINK } = process.env;
const RUNS = Number(SIMULATION_RUNS ?? 1_000);
/** Fewer runs are not expected to meet every circumstance. */
const RUNS_TO_MEET_ALL = 500;
/** The rarest circumstance occurs in five of 1,000 runs. If one is still missing, the test runs another series. */
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
  'whatever fails, and whenever, every pulse with an id is counted exactly once',
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
  'while nothing fails except dead letters, pulses without an id are counted exactly once too, and the books always balance',
  TIMEOUT,
  async () => {
    await simulateMany(Math.ceil(RUNS / 4), peacefulCommands, true);
  },
);

import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { createFailureList } from './test/support/failure-list.ts';
import { LongestFirst } from './test/support/longest-first.ts';

const INTEGRATION = 'test/**/*.integration.test.ts';
const SIMULATION = 'test/simulation/*.test.ts';
const TIDY = 'test/tidy.test.ts';
/** A test that hangs must end, but a busy machine is no failure. */
const UNIT_TIMEOUT_MS = 30_000;
const INTEGRATION_TIMEOUT_MS = 120_000;

export default defineConfig({
  test: {
    reporters: ['default', createFailureList((text) => process.stdout.write(text))],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    sequence: { sequencer: LongestFirst },
    // More than cores, because the integration tests often wait for servers and processes.
    maxWorkers: availableParallelism() + 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'clients/*/test/*.test.ts'],
          exclude: [INTEGRATION, SIMULATION, TIDY],
          // Files share the modules that they import, which halves the time. So none may mock a module.
          isolate: false,
          testTimeout: UNIT_TIMEOUT_MS,
        },
      },
      { test: { name: 'simulation', include: [SIMULATION], testTimeout: UNIT_TIMEOUT_MS } },
      {
        test: {
          name: 'integration',
          include: [INTEGRATION],
          globalSetup: ['test/support/private-servers.ts'],
          // As above. A process and its imports for each file took a third of the run.
          isolate: false,
          testTimeout: INTEGRATION_TIMEOUT_MS,
          hookTimeout: INTEGRATION_TIMEOUT_MS,
          // Some promises are kept within 2 seconds, and a busy machine takes longer.
          expect: { poll: { timeout: 10_000 } },
        },
      },
      { test: { name: 'tidy', include: [TIDY] } },
    ],
  },
});

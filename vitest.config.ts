import { defineConfig } from 'vitest/config';
import { createFailureList } from './test/support/failure-list.ts';

/** In a project of their own, which comes last: their servers need the machine to themselves. */
const CLUSTER_TESTS = 'test/**/*cluster*.integration.test.ts';

export default defineConfig({
  test: {
    reporters: ['default', createFailureList((text) => process.stdout.write(text))],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'clients/*/test/*.test.ts'],
          exclude: ['test/**/*.integration.test.ts', 'test/tidy.test.ts'],
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.integration.test.ts'],
          exclude: [CLUSTER_TESTS],
          globalSetup: ['test/support/private-servers.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'cluster',
          include: [CLUSTER_TESTS],
          globalSetup: ['test/support/private-servers.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Three brokers and four servers of Redis have the machine to themselves.
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
      { test: { name: 'tidy', include: ['test/tidy.test.ts'], sequence: { groupOrder: 2 } } },
    ],
  },
});

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Not part of `npm test`: it needs root and podman, and unpacks a Debian. See scripts/test-containers.js. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    name: 'containers',
    include: ['test/containers/compose-system.ts'],
    globalSetup: ['test/containers/images.ts'],
    testTimeout: 120_000,
    hookTimeout: 240_000,
    // Each test continues where the one before ended.
    bail: 1,
  },
});

// `npm run test:containers`: builds the image of the Dockerfile without an engine and runs it as docker-compose.yml
// says. Where podman is not available, it says so and exits 0.
import { run, setUp } from './set-up.js';

await setUp();
process.exitCode = await run(process.execPath, [
  'node_modules/vitest/vitest.mjs',
  'run',
  ...['--config', 'test/containers/vitest-config.ts', ...process.argv.slice(2)],
]);

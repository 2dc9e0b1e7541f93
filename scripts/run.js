// Sets up a bare clone and runs Pulse or its tests. Plain JavaScript without dependencies, because it runs before
// there are any.
import { run, setUp } from './set-up.js';

await setUp();

const [first, ...rest] = process.argv.slice(2);
if (first === '--test') {
  process.exitCode = await run(process.execPath, [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...rest,
  ]);
} else {
  await import('../dist/main.js');
}

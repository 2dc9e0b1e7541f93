// Sets up a bare clone like every other command, compiles the benchmarks, and runs them.
// Plain JavaScript without dependencies, because it runs before they are installed.
import { run, setUp } from '../scripts/set-up.js';

await setUp();
const code = await run(process.execPath, ['bench/build.js'], ['ignore', 'ignore', 'inherit']);
if (code !== 0) process.exit(code);
await import('../dist/bench/main.js');

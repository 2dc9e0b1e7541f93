// Sets up a bare clone as every other command does, compiles the benchmarks, and runs them.
// Plain JavaScript without dependencies, because it runs before there are any.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

for (const args of [['scripts/run.js', '--help'], ['bench/build.js']]) {
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
}
await import(new URL('../dist/bench/main.js', import.meta.url).href);

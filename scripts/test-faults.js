// `npm run test:faults`: sets up as every command does, compiles the fault tests and runs them.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

// The help of any command is enough to install and build what is not there yet.
mustRun(['scripts/run.js', '--help'], ['ignore', 'ignore', 'inherit']);
mustRun(['node_modules/typescript/bin/tsc', '-p', 'test/faults/tsconfig.json']);
await import(new URL('.pulse/faults-build/test/faults/main.js', `file://${root}`).href);

function mustRun(args, stdio = 'inherit') {
  const { status } = spawnSync(process.execPath, args, { stdio });
  if (status !== 0) process.exit(1);
}

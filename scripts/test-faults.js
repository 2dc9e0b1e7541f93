// `npm run test:faults`: sets up like every command, compiles the fault tests and runs them.
import { run, setUp } from './set-up.js';

await setUp();
const compile = ['node_modules/typescript-7/bin/tsc', '-p', 'test/faults/tsconfig.json'];
if ((await run(process.execPath, compile)) !== 0) process.exit(1);
await import('../.pulse/faults-build/test/faults/main.js');

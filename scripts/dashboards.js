// `npm run dashboards`: compiles the sources of the dashboards, then writes the JSON files for Grafana.
import { run, setUp } from './set-up.js';

await setUp();
const compile = ['node_modules/typescript-7/bin/tsc', '-p', 'grafana/tsconfig.json'];
if ((await run(process.execPath, compile)) !== 0) process.exit(1);
await import('../.pulse/grafana-build/grafana/source/main.js');

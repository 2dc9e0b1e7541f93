// Compiles the dashboards' sources, then runs one of them:
// `npm run dashboards` writes the JSON that Grafana reads; `npm run dashboards:image` runs the system under a real
// Prometheus and draws what the Pipeline dashboard showed.
import { run, setUp } from './set-up.js';

const PROOF = 'test/grafana/prometheus.integration.test.ts';

await setUp();
const image = process.argv.includes('--image');
await mustRun(['node_modules/typescript/bin/tsc', '-p', 'grafana/tsconfig.json']);
if (image) await mustRun(['node_modules/vitest/vitest.mjs', 'run', PROOF]);
await import(`../.pulse/grafana-build/grafana/source/${image ? 'draw-main' : 'main'}.js`);

async function mustRun(args) {
  const code = await run(process.execPath, args);
  if (code !== 0) process.exit(code);
}

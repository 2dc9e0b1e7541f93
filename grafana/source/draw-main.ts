/** Draws docs/images/pipeline.svg from the results that the proof has kept: `npm run dashboards:image`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { drawDashboard, RESULTS_FILE, type PanelResult } from './image.ts';

const results = JSON.parse(readFileSync(RESULTS_FILE, 'utf8')) as PanelResult[];
const title = 'Pulse / Pipeline: a populate run and a producer, as Prometheus saw them';
writeFileSync('docs/images/pipeline.svg', drawDashboard(title, results));

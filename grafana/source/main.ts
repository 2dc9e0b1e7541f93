/** Writes the dashboards: `npm run dashboards`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderDashboards } from './dashboards.ts';

const folder = join('grafana', 'dashboards');
mkdirSync(folder, { recursive: true });
for (const [name, text] of renderDashboards()) writeFileSync(join(folder, name), text);

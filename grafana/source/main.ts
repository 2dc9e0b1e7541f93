/**
 * Writes the dashboards, and the links to the runbooks in the alerts: `npm run dashboards`.
 *
 * `-- --runbooks-url URL` is for pages that are kept elsewhere; then the panels link there too.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { renderDashboards } from './dashboards.ts';
import { RUNBOOKS_URL } from './panel.ts';
import { parseRunbooksUrl, RUNBOOKS_BASE, withRunbooks } from './runbooks.ts';

const { values } = parseArgs({ options: { 'runbooks-url': { type: 'string' } } });
const given = values['runbooks-url'];
const base = given === undefined ? undefined : parseRunbooksUrl(given);

const folder = join('grafana', 'dashboards');
mkdirSync(folder, { recursive: true });
for (const [name, text] of renderDashboards()) {
  const linked = text.replaceAll(`"url": "${RUNBOOKS_URL}`, `"url": "${base ?? RUNBOOKS_URL}`);
  writeFileSync(join(folder, name), linked);
}
for (const file of ['grafana/alerts/pulse.yml', 'grafana/alerts/tests/pulse.yml']) {
  writeFileSync(file, withRunbooks(readFileSync(file, 'utf8'), base ?? RUNBOOKS_BASE));
}

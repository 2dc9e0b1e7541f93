/** All dashboards, as the files that Grafana is given. */
import { api } from './api.ts';
import { events } from './events.ts';
import { flush } from './flush.ts';
import { ingest } from './ingest.ts';
import { loadTest } from './load-test.ts';
import { orders } from './orders.ts';
import { buildDashboard, type DashboardSource } from './panel.ts';
import { pipeline } from './pipeline.ts';

export const DASHBOARDS: readonly DashboardSource[] = [
  pipeline,
  ingest,
  flush,
  orders,
  events,
  api,
  loadTest,
];

/** File name → text. */
export function renderDashboards(): Map<string, string> {
  return new Map(
    DASHBOARDS.map((source) => [
      `${source.uid}.json`,
      `${JSON.stringify(buildDashboard(source), null, 2)}\n`,
    ]),
  );
}

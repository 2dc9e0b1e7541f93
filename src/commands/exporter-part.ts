/** The exporter: makes the files of exports. */
import type { Clients } from '../cli/clients.ts';
import type { Part, PartRun } from '../cli/part.ts';
import { openExportDirectory } from '../exports/export-files.ts';
import { addExportMetrics, createExportMetrics } from '../exports/export-metrics.ts';
import { startExporter } from '../exports/exporter.ts';
import { readDepth } from '../exports/exports-query.ts';
import { createPool } from '../platform/postgres.ts';
import { startWatch } from '../platform/watch.ts';
import { REPORTS } from './reports.ts';

const DEPTH_INTERVAL_MS = 5_000;
/** Two exports read at a time; the rest is for leases and cancels. */
const CONNECTIONS = 8;
/** Of the time left for a stop; the connections that close afterwards need the rest. */
const CLOSE_SHARE = 0.5;

export const exporterPart: Part = {
  name: 'exporter',
  async start(run, { servers, pool }) {
    const { config, logger, closer, registry } = run;
    await openExportDirectory(config.exports.directory);
    const exporterPool = createPool(servers.databaseUrl, {
      name: 'pulse exporter',
      logger,
      connectionCountMax: CONNECTIONS,
    });
    closer.add('exporter connections', () => exporterPool.end());
    const exporter = startExporter({
      pool: exporterPool,
      ...config.exports,
      reports: REPORTS,
      windowSeconds: config.ingest.windowSeconds,
      prefix: config.messages.prefix,
      logger,
      onPoint: run.onExportPoint,
      onEnd: createExportMetrics(registry).record,
    });
    closer.add('exporter', (withinMs) => exporter.close(withinMs), CLOSE_SHARE);
    startDepthWatch(run, { pool });
  },
};

function startDepthWatch(
  { logger, closer, registry, watches }: PartRun,
  { pool }: Pick<Clients, 'pool'>,
): void {
  const depth = startWatch({
    name: 'exports in progress',
    intervalMs: DEPTH_INTERVAL_MS,
    look: () => readDepth(pool),
    logger,
  });
  closer.add('exports watch', () => {
    depth.close();
  });
  addExportMetrics(registry, depth);
  watches.exports = depth;
}

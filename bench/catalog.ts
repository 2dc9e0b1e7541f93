/** Every scenario, in the order in which they run. */
import type { Scenario } from './scenario.ts';
import { admission } from './scenarios/admission.ts';
import { apiPage } from './scenarios/api-page.ts';
import { apiUsage } from './scenarios/api-usage.ts';
import { consolePages } from './scenarios/console.ts';
import { dedupeMemory } from './scenarios/dedupe-memory.ts';
import { events } from './scenarios/events.ts';
import { exportRows } from './scenarios/export.ts';
import { flush } from './scenarios/flush.ts';
import { ingestArray } from './scenarios/ingest-array.ts';
import { ingestKeys } from './scenarios/ingest-keys.ts';
import { ingestOriginal } from './scenarios/ingest-original.ts';
import { ingestPopulate } from './scenarios/ingest-populate.ts';
import { ingestSkewed } from './scenarios/ingest-skewed.ts';
import { ingestSteady } from './scenarios/ingest-steady.ts';
import { ingestWhileFlushing } from './scenarios/ingest-while-flushing.ts';
import { ingestWhileOrdering } from './scenarios/ingest-while-ordering.ts';
import { ingest } from './scenarios/ingest.ts';
import { journal } from './scenarios/journal.ts';
import { latency } from './scenarios/latency.ts';
import { memory } from './scenarios/memory.ts';
import { orders } from './scenarios/orders.ts';
import { takeover } from './scenarios/takeover.ts';
import { webhooks } from './scenarios/webhooks.ts';
import { populate } from './scenarios/populate.ts';
import { publish } from './scenarios/publish.ts';

export const SCENARIOS: readonly Scenario[] = [
  ingest,
  ingestSkewed,
  ingestArray,
  ingestOriginal,
  ingestKeys,
  ingestSteady,
  ingestPopulate,
  admission,
  dedupeMemory,
  journal,
  flush,
  ingestWhileFlushing,
  publish,
  populate,
  apiPage,
  apiUsage,
  consolePages,
  orders,
  webhooks,
  events,
  exportRows,
  ingestWhileOrdering,
  memory,
  latency,
  takeover,
];

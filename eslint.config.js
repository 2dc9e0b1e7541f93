import parser from '@typescript-eslint/parser';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';

/**
 * Who may import whom: for every folder of src, the folders it may reach besides itself.
 * The composition roots (main.ts, cli/, commands/, ingest/worker.ts) are exempt: wiring is what they are for.
 */
const mayImport = {
  core: [],
  platform: ['core'],
  contract: ['core'],
  publish: ['core', 'platform', 'contract'],
  aggregate: ['core', 'platform', 'contract'],
  ingest: [
    ...['core', 'platform', 'contract'],
    ...['publish/publisher.ts', 'aggregate/accumulator.ts'],
  ],
  flush: ['core', 'platform', 'contract', 'aggregate/accumulator.ts'],
  http: ['core', 'platform'],
  access: ['core', 'platform', 'http', 'contract/rules.ts'],
  quarantine: builtOnThePipeline(),
  usage: [...builtOnThePipeline(), 'aggregate/epoch.ts', 'aggregate/epochs-query.ts'],
  populate: [...builtOnThePipeline(), 'publish/traced-publish.ts'],
  sending: builtOnThePipeline(),
  messaging: ['core', 'platform', 'contract', 'publish'],
  catalog: ['core', 'platform', 'http'],
  orders: ['core', 'platform', 'http', 'messaging', 'catalog/catalog.ts', 'catalog/prices.ts'],
  subscriptions: [
    ...['core', 'platform', 'http', 'messaging', 'contract/admission.ts'],
    ...['catalog/catalog.ts', 'orders/orders-query.ts', 'orders/orders-queues.ts'],
  ],
  events: [
    ...['core', 'platform', 'http', 'messaging', 'catalog/catalog.ts'],
    ...['orders/orders-queues.ts', 'subscriptions/subscriptions-queues.ts'],
    ...['contract/json-source.ts', 'contract/parse-body.ts', 'populate/random.ts'],
  ],
  delivery: [
    ...['core', 'platform', 'http', 'messaging', 'catalog/catalog.ts'],
    ...['events/events.ts', 'events/messages-query.ts', 'events/message-pages-query.ts'],
    'events/events-queues.ts',
  ],
  workflows: [
    ...['core', 'platform', 'http', 'messaging', 'catalog/catalog.ts'],
    ...['events/events-queues.ts'],
  ],
  exports: [
    ...['core', 'platform', 'http', 'messaging', 'catalog/catalog.ts'],
    ...['events/events-queues.ts'],
  ],
  console: ['core', 'platform', 'http'],
  api: ['core', 'platform', 'http', 'access', 'contract', 'console/console-routes.ts'],
  'private-servers': ['core', 'platform'],
  doctor: [
    ...['core', 'platform', 'http', 'aggregate', 'flush', 'cli/wording.ts'],
    ...['ingest/pauses-query.ts', 'messaging/relay-query.ts', 'exports/exports-query.ts'],
    ...['delivery/unserved-endpoints-query.ts', 'subscriptions/subscriptions-query.ts'],
    ...['events/flushed-hours-query.ts', 'workflows/workflows-query.ts'],
    'workflows/workflows-queues.ts',
  ],
  status: [
    ...['core', 'platform', 'http', 'contract', 'aggregate', 'flush', 'cli/wording.ts'],
    ...['doctor/check-deliveries.ts', 'doctor/check-exports.ts', 'doctor/check-processor.ts'],
    ...[
      'doctor/check-messages.ts',
      'doctor/check-flush.ts',
      'doctor/check-journal.ts',
      'ingest/pauses-query.ts',
    ],
    ...['messaging/relay-query.ts', 'exports/exports-query.ts', 'workflows/workflows-query.ts'],
    ...['delivery/unserved-endpoints-query.ts', 'subscriptions/subscriptions-query.ts'],
    'events/flushed-hours-query.ts',
    ...['delivery/delivery-metrics.ts', 'quarantine/open-dead-letters-query.ts'],
  ],
};

function builtOnThePipeline() {
  const pipeline = ['publish/publisher.ts', 'aggregate/accumulator.ts'];
  return ['core', 'platform', 'http', 'contract', ...pipeline];
}

const zones = Object.entries(mayImport).map(([folder, allowed]) => ({
  target: folder === 'ingest' ? './src/ingest/!(worker.ts)' : `./src/${folder}`,
  from: './src',
  except: [`./${folder}`, './config.ts', ...allowed.map((path) => `./${path}`)],
  message: `src/${folder} may import only: ${[folder, ...allowed].join(', ')}.`,
}));

export default [
  {
    files: ['src/**/*.ts'],
    languageOptions: { parser },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [createTypeScriptImportResolver()],
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { 'import-x/no-restricted-paths': ['error', { zones }] },
  },
];

/** The commands, in the order in which help lists them. Each is loaded only when it runs. */
import type { ListedCommand } from '../cli/command-line.ts';

export const COMMANDS: Readonly<Record<string, ListedCommand>> = {
  start: {
    summary: 'Run the whole system until Ctrl-C: API, ingest, flush, quarantine, orders.',
    load: async () => (await import('./start.ts')).start,
  },
  api: {
    summary: 'Run only the HTTP API.',
    load: async () => (await import('./api.ts')).api,
  },
  worker: {
    summary: 'Run ingest, flush and quarantine without the API.',
    load: async () => (await import('./worker.ts')).worker,
  },
  processor: {
    summary: 'Run the handling of orders, subscriptions and events.',
    load: async () => (await import('./processor.ts')).processor,
  },
  enricher: {
    summary: 'Run the enrichment of orders: prices, checks, the external service.',
    load: async () => (await import('./enricher.ts')).enricher,
  },
  sender: {
    summary: 'Run the delivery of webhooks to the endpoints of clients.',
    load: async () => (await import('./sender.ts')).sender,
  },
  exporter: {
    summary: 'Write the files of exports that were requested over HTTP.',
    load: async () => (await import('./exporter.ts')).exporter,
  },
  'enrichment-service': {
    summary: 'Stand in for the external enrichment service, with failures on request.',
    load: async () => (await import('./enrichment-service.ts')).enrichmentService,
  },
  migrate: {
    summary: 'Update the Postgres schema. Safe to repeat, and while Pulse runs.',
    load: async () => (await import('./migrate.ts')).migrate,
  },
  retention: {
    summary:
      'Drop what is too old: months of messages, consumed workflows, refusals. Runs by itself.',
    load: async () => (await import('./retention.ts')).retention,
  },
  flush: {
    summary: 'Write what Redis holds to Postgres now. Safe while workers run.',
    load: async () => (await import('./flush.ts')).flush,
  },
  populate: {
    summary: 'Fill the queue with generated pulses, each confirmed by the broker.',
    load: async () => (await import('./populate.ts')).populate,
  },
  'produce-events': {
    summary: 'Send generated events at a steady rate, with a share of invalid ones and repeats.',
    load: async () => (await import('./produce-events.ts')).produceEvents,
  },
  send: {
    summary: 'Send one pulse through RabbitMQ, with a confirm. Prints its id.',
    load: async () => (await import('./send.ts')).send,
  },
  usage: {
    summary: 'Show the sums of everything counted, flushed or not.',
    load: async () => (await import('./usage.ts')).usage,
  },
  verify: {
    summary: 'Check that the books balance, from the journal to Postgres. Exits with 1 if not.',
    load: async () => (await import('./verify.ts')).verify,
  },
  doctor: {
    summary: 'Check the three servers for anything that endangers the counts. Exits with 1 if so.',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  status: {
    summary: 'Show whether ingest is paused, what is waiting where, and the last flush.',
    load: async () => (await import('./status.ts')).status,
  },
  pause: {
    summary: 'Stop every worker from taking pulses; they wait in the queue. Survives restarts.',
    load: async () => (await import('./pause.ts')).pause,
  },
  resume: {
    summary: 'Let every worker take pulses again.',
    load: async () => (await import('./pause.ts')).resume,
  },
  recover: {
    summary: 'Accept that Redis has lost its data, and continue. Stop all workers first.',
    load: async () => (await import('./recover.ts')).recover,
  },
  'dead-letters': {
    summary: 'Work with quarantined dead letters: list, show, fix, replay, discard.',
    load: async () => (await import('./dead-letters.ts')).deadLetters,
  },
  catalog: {
    summary: 'Import and export customers, products, prices and units.',
    load: async () => (await import('./catalog.ts')).catalog,
  },
  subscriptions: {
    summary: 'Work with subscriptions: list, show, cancel, restart, withdraw a pending change.',
    load: async () => (await import('./subscriptions.ts')).subscriptions,
  },
  workflows: {
    summary: 'Work with workflows: list, show, consume the next one of the queue.',
    load: async () => (await import('./workflows.ts')).workflows,
  },
  export: {
    summary: 'Write the answer of a report to a file, with a manifest to check it by.',
    load: async () => (await import('./export.ts')).exportReport,
  },
  'verify-export': {
    summary: 'Check an exported file against its manifest. Exits with 1 if they differ.',
    load: async () => (await import('./verify-export.ts')).verifyExport,
  },
  exports: {
    summary: 'Work with exports that were requested over HTTP: list, show, cancel.',
    load: async () => (await import('./exports.ts')).exports,
  },
  endpoints: {
    summary: 'Work with the endpoints of webhooks: list, enable, rotate secrets, recover.',
    load: async () => (await import('./endpoints.ts')).endpoints,
  },
  deliveries: {
    summary: 'Work with the deliveries of webhooks: list, show with attempts, resend.',
    load: async () => (await import('./deliveries.ts')).deliveries,
  },
  users: {
    summary: 'Manage who may log in to the API, and what they may do.',
    load: async () => (await import('./users.ts')).users,
  },
  keys: {
    summary: 'Manage the keys with which machines call the API.',
    load: async () => (await import('./keys.ts')).keys,
  },
  services: {
    summary: 'Run private RabbitMQ, Redis and Postgres servers for this folder.',
    load: async () => (await import('./services.ts')).services,
  },
  completion: {
    summary: 'Print a script that completes commands and options in your shell.',
    load: async () => (await import('./completion.ts')).completion,
  },
  demo: {
    summary: 'Run the whole pipeline once on private servers and check every sum.',
    load: async () => (await import('./demo.ts')).demo,
  },
};

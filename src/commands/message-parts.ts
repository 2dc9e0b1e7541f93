/** The chain in a process: the handlers of each kind of process beside its queues and the relay of the outbox. */
import type { Clients } from '../cli/clients.ts';
import type { CommandRun } from '../cli/command.ts';
import type { Part, PartRun } from '../cli/part.ts';
import { toCheck } from '../cli/server-checks.ts';
import { startMessageConsumer } from '../messaging/consumer.ts';
import { storeAnnouncedEvents } from '../events/announced-events.ts';
import { createEventSchemas } from '../events/event-schemas.ts';
import { startFlushedHours } from '../events/flushed-hours.ts';
import { storeSentEvents } from '../events/store-events.ts';
import type { MessageHandler } from '../messaging/handler.ts';
import { createHandlerMetrics } from '../messaging/messaging-metrics.ts';
import { completeOrder } from '../orders/complete-order.ts';
import { enrichOrder } from '../orders/enrich-order.ts';
import { createEnrichmentClient } from '../orders/enrichment-client.ts';
import { createEnrichmentMetrics } from '../orders/enrichment-metrics.ts';
import { processOrder } from '../orders/process-order.ts';
import { cancelOnRequest } from '../subscriptions/cancel-subscription.ts';
import { startDueChanges } from '../subscriptions/due-changes.ts';
import { purchaseOrdered } from '../subscriptions/purchase-ordered.ts';
import { purchaseOnRequest } from '../subscriptions/purchase-subscription.ts';
import { restartOnRequest } from '../subscriptions/restart-subscription.ts';
import { topologyNames } from '../platform/topology.ts';
import { createPublisher } from '../publish/publisher.ts';
import { exporterPart } from './exporter-part.ts';
import { OUTBOX_PARTS } from './outbox-parts.ts';
import { refusalRetentionPart, retentionPart, workflowRetentionPart } from './retention.ts';
import { senderPart } from './sender-part.ts';

/** Of the time left for a stop; the connections that close afterwards need the rest. */
const CLOSE_SHARE = 0.5;

/** What the processor handles. */
function processorHandlers({ config }: CommandRun): readonly MessageHandler[] {
  const { prefix } = config.messages;
  const schemas = createEventSchemas();
  return [
    processOrder(prefix),
    completeOrder(prefix),
    purchaseOrdered(prefix),
    purchaseOnRequest(prefix),
    cancelOnRequest(prefix),
    restartOnRequest(prefix),
    storeSentEvents(prefix, schemas),
    storeAnnouncedEvents(prefix, schemas),
  ];
}

/** What the enricher handles: it waits for another service, so it is a process of its own. */
function enricherHandlers(run: PartRun, { pool }: Clients) {
  const service = startEnrichmentClient(run);
  return [enrichOrder({ pool, prefix: run.config.messages.prefix, service })];
}

/** Undefined when no external service is configured. */
function startEnrichmentClient({ config, logger, registry, tracing }: PartRun) {
  const { enrichmentUrl: url, enrichmentTimeoutMs: timeoutMs } = config.orders;
  if (url === undefined) return undefined;
  const client = createEnrichmentClient({
    url,
    timeoutMs,
    logger,
    tracing,
    onCall: (outcome, seconds) => {
      metrics.record(outcome, seconds);
    },
  });
  const metrics = createEnrichmentMetrics(registry, () => client.isOpen);
  return client;
}

const dueChanges: Part = {
  name: 'pending changes of subscriptions',
  start({ config, logger, closer }, { pool }) {
    const watch = startDueChanges({ pool, prefix: config.messages.prefix, logger });
    closer.add('pending changes of subscriptions', () => {
      watch.close();
    });
  },
};

const flushedHours: Part = {
  name: 'flushed hours',
  start({ config, logger, closer }, { pool }) {
    const watch = startFlushedHours({ pool, prefix: config.messages.prefix, logger });
    closer.add('flushed hours', () => {
      watch.close();
    });
  },
};

/** Handles the messages of the queues that a process is responsible for. */
const handlersPart = (
  name: string,
  pick: (run: PartRun, clients: Clients) => readonly MessageHandler[],
): Part => ({
  name,
  start: (run, clients) => {
    startHandlers(run, clients, pick(run, clients));
  },
});

const onlyIf = (kind: 'processor' | 'sender' | 'exporter', part: Part): Part => ({
  name: part.name,
  start: (run, clients) => (run.config.runs[kind] ? part.start?.(run, clients) : undefined),
});

function startHandlers(
  run: PartRun,
  { servers, pool }: Clients,
  list: readonly MessageHandler[],
): void {
  if (list.length === 0) return;
  const { config, logger, closer, registry, health, tracing, onFatal } = run;
  const metrics = createHandlerMetrics(
    registry,
    list.map(({ binding }) => binding.queue),
  );
  const replies = createPublisher({ url: servers.rabbitmqUrl, logger, name: 'pulse replies' });
  closer.add('replies', (withinMs) => replies.close(withinMs), CLOSE_SHARE);
  const consumer = startMessageConsumer({
    url: servers.rabbitmqUrl,
    handlers: list,
    pool,
    logger,
    tracing,
    deadExchange: topologyNames(config.queue).deadExchange,
    onOutcome: metrics.record,
    publishReply: (publication) => replies.publish(publication),
    onStep: run.onMessageStep,
    onFatal,
  });
  closer.add('message handlers', (withinMs) => consumer.close(withinMs), CLOSE_SHARE);
  health.add([toCheck('messages', () => consumer.state === 'consuming')]);
}

/** What a processor does besides handling messages. */
const PROCESSOR_WATCHES: readonly Part[] = [
  dueChanges,
  flushedHours,
  retentionPart,
  workflowRetentionPart,
  refusalRetentionPart,
];

export const MESSAGE_PARTS: readonly Part[] = [
  ...OUTBOX_PARTS,
  handlersPart('message handlers', (run, clients) => [
    ...(run.config.runs.processor ? processorHandlers(run) : []),
    ...(run.config.runs.enricher ? enricherHandlers(run, clients) : []),
  ]),
  ...PROCESSOR_WATCHES.map((part) => onlyIf('processor', part)),
  onlyIf('sender', senderPart),
  onlyIf('exporter', exporterPart),
];

export const PROCESSOR_PARTS: readonly Part[] = [
  ...OUTBOX_PARTS,
  handlersPart('processor', processorHandlers),
  ...PROCESSOR_WATCHES,
];

export const ENRICHER_PARTS: readonly Part[] = [
  ...OUTBOX_PARTS,
  handlersPart('enricher', enricherHandlers),
];

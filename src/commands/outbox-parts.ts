/** What every process of the chain has, whatever it handles: the queues, the relay of the outbox, the tables of events. */
import type { Part } from '../cli/part.ts';
import { ensureBuiltInTypes } from '../events/announced-events.ts';
import { ensureMessagePartitions } from '../events/messages-query.ts';
import {
  addOutboxMetrics,
  addQueuesMetrics,
  createRelayMetrics,
} from '../messaging/messaging-metrics.ts';
import { declareQueuesAt } from '../messaging/queues.ts';
import { startQueuesWatch } from '../messaging/queues-watch.ts';
import { readOutboxDepth } from '../messaging/relay-query.ts';
import { RELAY_CONNECTIONS, startRelay } from '../messaging/relay.ts';
import { createPool } from '../platform/postgres.ts';
import { topologyNames } from '../platform/topology.ts';
import { startWatch } from '../platform/watch.ts';
import { createPublisher } from '../publish/publisher.ts';
import { traceRelayed } from '../publish/traced-publish.ts';
import { askedQueueNames, messageQueueNames, messageQueues } from './message-queues.ts';

const OUTBOX_INTERVAL_MS = 5_000;
const PARTITIONS_INTERVAL_MS = 3_600_000;
/** Of the time left for a stop; the connections that close afterwards need the rest. */
const CLOSE_SHARE = 0.5;

const queues: Part = {
  name: 'message queues',
  prepare: ({ config }, { servers }) =>
    declareQueuesAt(
      servers.rabbitmqUrl,
      messageQueues(config.messages.prefix),
      topologyNames(config.queue).deadExchange,
    ),
};

const relay: Part = {
  name: 'relay',
  start(run, { servers, pool }) {
    const { logger, closer, registry, watches, tracing } = run;
    const relayPool = createPool(servers.databaseUrl, {
      name: 'pulse relay',
      logger,
      connectionCountMax: RELAY_CONNECTIONS,
    });
    closer.add('relay connections', () => relayPool.end());
    const publisher = createPublisher({ url: servers.rabbitmqUrl, logger, name: 'pulse relay' });
    closer.add('relay publisher', (withinMs) => publisher.close(withinMs), CLOSE_SHARE);
    const publish = publisher.publish.bind(publisher);
    const running = startRelay({
      pool: relayPool,
      publish: tracing.enabled ? traceRelayed(publish, tracing) : publish,
      logger,
      onStep: run.onMessageStep,
      onRelayed: createRelayMetrics(registry).record,
    });
    closer.add('relay', (withinMs) => running.close(withinMs), CLOSE_SHARE);
    const outbox = startWatch({
      name: 'outbox',
      intervalMs: OUTBOX_INTERVAL_MS,
      look: () => readOutboxDepth(pool),
      logger,
    });
    closer.add('outbox watch', () => {
      outbox.close();
    });
    addOutboxMetrics(registry, outbox);
    watches.outbox = outbox;
  },
};

const queuesWatch: Part = {
  name: 'message queues watch',
  start({ config, logger, closer, registry, watches }, { servers }) {
    const { prefix } = config.messages;
    const queues = messageQueueNames(prefix);
    const watch = startQueuesWatch({ url: servers.rabbitmqUrl, queues, logger });
    closer.add('message queues watch', () => watch.close());
    addQueuesMetrics(registry, watch, askedQueueNames(prefix));
    watches.message_queues = watch;
  },
};

/** What storing events needs: this month's partition and the next, and the types of Pulse's own events. */
const eventTables: Part = {
  name: 'tables of events',
  async start({ logger, closer }, { pool }) {
    await ensureBuiltInTypes(pool);
    await ensureMessagePartitions(pool);
    const watch = startWatch({
      name: 'partitions of messages',
      intervalMs: PARTITIONS_INTERVAL_MS,
      look: () => ensureMessagePartitions(pool).then(() => true),
      logger,
    });
    closer.add('partitions of messages', () => {
      watch.close();
    });
  },
};

/** What the API needs of the chain: it publishes and stores events, and handles no message. */
export const OUTBOX_PARTS: readonly Part[] = [queues, queuesWatch, relay, eventTables];

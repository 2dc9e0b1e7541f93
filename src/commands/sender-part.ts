/** The sender of webhooks: serves the endpoints that have deliveries, and makes the tables' next months. */
import type { Clients } from '../cli/clients.ts';
import type { Part, PartRun } from '../cli/part.ts';
import { toCheck } from '../cli/server-checks.ts';
import {
  addDeliveryMetrics,
  createDeliveryMetrics,
  readDeliveryDepth,
} from '../delivery/delivery-metrics.ts';
import { startSender } from '../delivery/sender.ts';
import { ensureDeliveryPartitions } from '../delivery/sender-query.ts';
import { createPool } from '../platform/postgres.ts';
import { startWatch } from '../platform/watch.ts';
import { openWebhooks } from './webhooks.ts';

const DEPTH_INTERVAL_MS = 5_000;
const PARTITIONS_INTERVAL_MS = 3_600_000;
const CONNECTIONS = 10;
/** Of the time left for a stop; the connections that close afterwards need the rest. */
const CLOSE_SHARE = 0.5;

export const senderPart: Part = {
  name: 'sender',
  async start(run, { servers, pool }) {
    const { config, logger, closer, registry, health } = run;
    await ensureDeliveryPartitions(pool);
    const senderPool = createPool(servers.databaseUrl, {
      name: 'pulse sender',
      logger,
      connectionCountMax: CONNECTIONS,
    });
    closer.add('sender connections', () => senderPool.end());
    const { sender: webhooks, secretBox } = openWebhooks(run);
    const sender = startSender({
      pool: senderPool,
      secretBox,
      sender: webhooks,
      prefix: config.messages.prefix,
      logger,
      onAttempt: createDeliveryMetrics(registry).record,
      onStep: run.onDeliveryStep,
    });
    closer.add('sender', (withinMs) => sender.close(withinMs), CLOSE_SHARE);
    health.add([toCheck('deliveries', () => sender.isClaiming)]);
    startWatches(run, { pool });
  },
};

function startWatches(
  { logger, closer, registry, watches }: PartRun,
  { pool }: Pick<Clients, 'pool'>,
): void {
  const depth = startWatch({
    name: 'deliveries',
    intervalMs: DEPTH_INTERVAL_MS,
    look: () => readDeliveryDepth(pool),
    logger,
  });
  addDeliveryMetrics(registry, depth);
  watches.deliveries = depth;
  const partitions = startWatch({
    name: 'partitions of deliveries',
    intervalMs: PARTITIONS_INTERVAL_MS,
    look: () => ensureDeliveryPartitions(pool).then(() => true),
    logger,
  });
  closer.add('watches of deliveries', () => {
    depth.close();
    partitions.close();
  });
}

/** Queues of a domain on real servers, with a relay that empties the outbox into them. */
import { pino } from 'pino';
import { declareQueuesAt, type QueueBinding } from '../../src/messaging/queues.ts';
import { startRelay } from '../../src/messaging/relay.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { declareTopologyAt, topologyNames } from '../../src/platform/topology.ts';
import { createPublisher } from '../../src/publish/publisher.ts';
import type { IsolatedServices } from '../support/isolated.ts';
import { withChannel } from '../support/servers.ts';

const logger = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });

/** Close them before the services, and what uses them before that. */
export async function openRelayedQueues(
  { rabbitmqUrl, databaseUrl, queue: pulses }: IsolatedServices,
  bindingsOf: (prefix: string) => readonly QueueBinding[],
) {
  const prefix = `${pulses}.`;
  const bindings = bindingsOf(prefix);
  const { deadExchange, deadQueue } = topologyNames(pulses);
  await declareTopologyAt(rabbitmqUrl, pulses);
  await declareQueuesAt(rabbitmqUrl, bindings, deadExchange);
  const pool = createPool(databaseUrl, { name: 'test', logger });
  const relayPool = createPool(databaseUrl, { name: 'test relay', logger });
  const publisher = createPublisher({ url: rabbitmqUrl, logger });
  const publish = publisher.publish.bind(publisher);
  const relay = startRelay({
    pool: relayPool,
    publish,
    logger,
    onStep: () => undefined,
    onRelayed: () => undefined,
  });
  return {
    ...{ pool, prefix, bindings, deadExchange, deadQueue, publish },
    takeDeadLetter: () =>
      withChannel(rabbitmqUrl, (channel) => channel.get(deadQueue, { noAck: true })),
    async close() {
      await relay.close(2_000);
      await publisher.close();
      await withChannel(rabbitmqUrl, async (channel) => {
        for (const { queue, exchange } of bindings) {
          await channel.deleteQueue(queue);
          await channel.deleteExchange(exchange);
        }
      });
      await Promise.all([pool.end(), relayPool.end()]);
    },
  };
}

/** Events on real servers: their handlers, the relay, and a producer. */
import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { announcementBindings, eventQueues } from '../../src/events/events-queues.ts';
import { ensureBuiltInTypes, storeAnnouncedEvents } from '../../src/events/announced-events.ts';
import { createEventSchemas } from '../../src/events/event-schemas.ts';
import { insertVersion, putProducer } from '../../src/events/events-query.ts';
import { pullMessages } from '../../src/events/messages-query.ts';
import { storeSentEvents } from '../../src/events/store-events.ts';
import { startMessageConsumer } from '../../src/messaging/consumer.ts';
import type { MessageOutcome } from '../../src/messaging/handle-message.ts';
import { NO_ORIGIN, toPublication, type OutgoingMessage } from '../../src/messaging/message.ts';
import { declareQueues } from '../../src/messaging/queues.ts';
import { startRelay } from '../../src/messaging/relay.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { declareTopologyAt, topologyNames } from '../../src/platform/topology.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';
import { createPublisher } from '../../src/publish/publisher.ts';
import { isolatedServices } from '../support/isolated.ts';
import { withChannel } from '../support/servers.ts';

const logger = pino({ level: 'silent' });

export type EventsFixture = Awaited<ReturnType<typeof createEventsFixture>>;

export async function createEventsFixture() {
  const services = await isolatedServices();
  const { rabbitmqUrl, databaseUrl, queue } = services;
  const prefix = `${queue}.`;
  const pool = createPool(databaseUrl, { name: 'test', logger });
  const relayPool = createPool(databaseUrl, { name: 'test relay', logger });
  await ensureBuiltInTypes(pool);
  await declareTopologyAt(rabbitmqUrl, queue);
  const bindings = [...Object.values(eventQueues(prefix)), ...announcementBindings(prefix)];
  const { deadExchange, deadQueue } = topologyNames(queue);
  const connection = await connect(rabbitmqUrl);
  await declareQueues(connection, bindings, deadExchange);
  await connection.close();
  const publisher = createPublisher({ url: rabbitmqUrl, logger });
  const relay = startRelay({
    pool: relayPool,
    publish: publisher.publish.bind(publisher),
    logger,
    onStep: () => undefined,
    onRelayed: () => undefined,
  });
  const outcomes: MessageOutcome[] = [];
  const schemas = createEventSchemas();
  const startConsumer = () =>
    startMessageConsumer({
      url: rabbitmqUrl,
      handlers: [storeSentEvents(prefix, schemas), storeAnnouncedEvents(prefix, schemas)],
      pool,
      logger,
      tracing: NO_TRACING,
      deadExchange,
      publishReply: publisher.publish.bind(publisher),
      onOutcome: (_queue, outcome) => outcomes.push(outcome),
      onStep: () => undefined,
      onFatal: (error) => {
        throw error;
      },
    });
  let consumer = startConsumer();

  return {
    ...services,
    pool,
    prefix,
    deadQueue,
    outcomes,
    schemas,
    /** A client, a producer and a type `thing.made` whose data needs a number `size`; all new. */
    async make() {
      const id = randomUUID();
      const names = { client: `client-${id}`, producer: `producer-${id}`, type: `thing-${id}` };
      await pool.query(`INSERT INTO customers (id, name, tenant) VALUES ($1, 'Acme', $1)`, [
        names.client,
      ]);
      await putProducer(pool, { id: names.producer, name: null });
      await insertVersion(pool, {
        name: names.type,
        version: 1,
        schema: {
          type: 'object',
          properties: { size: { type: 'number' } },
          required: ['size'],
        },
        description: null,
        isBreaking: false,
        createdBy: 'test',
      });
      return names;
    },
    /** Publishes texts as a producer does, in one go. */
    send: (bodies: readonly (object | string)[]) =>
      Promise.all(
        bodies.map((body) =>
          publisher.publish({
            exchange: `${prefix}events`,
            routingKey: 'event',
            body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
          }),
        ),
      ),
    announce: (message: OutgoingMessage) =>
      publisher.publish(toPublication(message, NO_ORIGIN, Date.now())),
    messagesOf: (client: string) => pullMessages(pool, { client }, { limit: 10_000, after: '0' }),
    takeDeadLetter: () =>
      withChannel(rabbitmqUrl, (channel) => channel.get(deadQueue, { noAck: true })),
    /** Stores nothing until `resume`. */
    pause: () => consumer.close(2_000),
    resume() {
      consumer = startConsumer();
    },
    async close() {
      await Promise.all([consumer.close(2_000), relay.close(2_000)]);
      await publisher.close();
      await withChannel(rabbitmqUrl, async (channel) => {
        for (const name of Object.values(eventQueues(prefix)))
          await channel.deleteQueue(name.queue);
        for (const exchange of ['orders', 'SUBSCRIPTIONS', 'events']) {
          await channel.deleteExchange(prefix + exchange);
        }
      });
      await Promise.all([pool.end(), relayPool.end()]);
      await services.close();
    },
  };
}

/** Registers the hooks of a test file; what it returns is filled in before the first test. */
export function useEventsFixture(): EventsFixture {
  const fixture = {} as EventsFixture;
  beforeAll(async () => {
    Object.assign(fixture, await createEventsFixture());
  });
  afterAll(() => fixture.close());
  return fixture;
}

/** Events on real servers: their handlers, the relay, and a producer. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { announcementBindings, eventQueues } from '../../src/events/events-queues.ts';
import { ensureBuiltInTypes, storeAnnouncedEvents } from '../../src/events/announced-events.ts';
import { createEventSchemas } from '../../src/events/event-schemas.ts';
import { insertVersion, putProducer } from '../../src/events/events-query.ts';
import { readByNumber } from '../../src/events/message-pages-query.ts';
import { storeSentEvents } from '../../src/events/store-events.ts';
import { startMessageConsumer } from '../../src/messaging/consumer.ts';
import type { MessageOutcome } from '../../src/messaging/handle-message.ts';
import { NO_ORIGIN, toPublication, type OutgoingMessage } from '../../src/messaging/message.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';
import { openRelayedQueues } from '../messaging/relayed-queues.ts';
import { isolatedServices } from '../support/isolated.ts';

const logger = pino({ level: 'silent' });

export type EventsFixture = Awaited<ReturnType<typeof createEventsFixture>>;

export async function createEventsFixture() {
  const services = await isolatedServices();
  const queues = await openRelayedQueues(services, (prefix) => [
    ...Object.values(eventQueues(prefix)),
    ...announcementBindings(prefix),
  ]);
  const { pool, prefix, publish } = queues;
  await ensureBuiltInTypes(pool);
  const outcomes: MessageOutcome[] = [];
  const schemas = createEventSchemas();
  const startConsumer = () =>
    startMessageConsumer({
      url: services.rabbitmqUrl,
      handlers: [storeSentEvents(prefix, schemas), storeAnnouncedEvents(prefix, schemas)],
      pool,
      logger,
      tracing: NO_TRACING,
      deadExchange: queues.deadExchange,
      publishReply: publish,
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
    deadQueue: queues.deadQueue,
    takeDeadLetter: queues.takeDeadLetter,
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
          publish({
            exchange: `${prefix}events`,
            routingKey: 'event',
            body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
          }),
        ),
      ),
    announce: (message: OutgoingMessage) => publish(toPublication(message, NO_ORIGIN, Date.now())),
    async messagesOf(client: string) {
      const page = { limit: 10_000, after: '0' };
      return (await readByNumber(pool, { scope: 'all', client }, page)).messages;
    },
    /** Stores nothing until `resume`. */
    pause: () => consumer.close(2_000),
    resume() {
      consumer = startConsumer();
    },
    async close() {
      await consumer.close(2_000);
      await queues.close();
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

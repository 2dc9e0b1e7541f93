/** A queue of messages with its relay and consumer, on real servers. */
import { connect } from 'amqplib';
import type { PoolClient } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import {
  startMessageConsumer,
  type ConsumerDeps,
  type MessageConsumer,
} from '../../src/messaging/consumer.ts';
import type { MessageOutcome } from '../../src/messaging/handle-message.ts';
import {
  defineHandler,
  ImpossibleError,
  type MessageHandler,
} from '../../src/messaging/handler.ts';
import { toPublication, type OutgoingMessage } from '../../src/messaging/message.ts';
import { writeToOutbox } from '../../src/messaging/outbox.ts';
import { declareQueues, type QueueBinding } from '../../src/messaging/queues.ts';
import { startRelay, type Relay } from '../../src/messaging/relay.ts';
import { createPool, withTransaction } from '../../src/platform/postgres.ts';
import { declareTopologyAt, topologyNames } from '../../src/platform/topology.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';
import { createPublisher } from '../../src/publish/publisher.ts';
import { isolatedServices } from '../support/isolated.ts';
import { withChannel } from '../support/servers.ts';

const logger = pino({ level: 'silent' });

export type MessagingFixture = Awaited<ReturnType<typeof createMessagingFixture>>;

/** The body of a test message: what its handler does. */
export interface TestBody {
  readonly value: string;
  /** How many attempts fail transiently. */
  readonly failing?: number;
  readonly impossible?: true;
}

export async function createMessagingFixture() {
  const services = await isolatedServices();
  const { rabbitmqUrl, databaseUrl, queue } = services;
  const pool = createPool(databaseUrl, { name: 'test', logger });
  const relayPool = createPool(databaseUrl, { name: 'test relay', logger });
  await declareTopologyAt(rabbitmqUrl, queue);
  const { deadExchange, deadQueue } = topologyNames(queue);
  const binding: QueueBinding = {
    exchange: `${queue}.orders`,
    type: 'topic',
    queue: `${queue}.handled`,
    routingKey: 'thing.made',
  };
  const connection = await connect(rabbitmqUrl);
  await declareQueues(connection, [binding], deadExchange);
  await connection.close();
  await pool.query('CREATE TABLE effects (value text NOT NULL)');
  await pool.query('CREATE TABLE abandoned (value text NOT NULL, code text NOT NULL)');
  const publisher = createPublisher({ url: rabbitmqUrl, logger });
  const outcomes: MessageOutcome[] = [];
  const steps: string[] = [];
  const running: (Relay | MessageConsumer)[] = [];

  return {
    ...services,
    pool,
    binding,
    deadExchange,
    deadQueue,
    outcomes,
    steps,
    publish: publisher.publish.bind(publisher),
    startRelay(publish = publisher.publish.bind(publisher)) {
      const relay = startRelay({
        pool: relayPool,
        publish,
        logger,
        onStep: (step) => steps.push(step),
        onRelayed: () => undefined,
      });
      running.push(relay);
      return relay;
    },
    startConsumer(
      handler: MessageHandler = testHandler(binding),
      changed: Partial<ConsumerDeps> = {},
    ) {
      const consumer = startMessageConsumer({
        url: rabbitmqUrl,
        handlers: [handler],
        pool,
        logger,
        tracing: NO_TRACING,
        deadExchange,
        onOutcome: (_queue, outcome) => outcomes.push(outcome),
        publishReply: publisher.publish.bind(publisher),
        onStep: (step) => steps.push(step),
        onFatal: (error) => {
          throw error;
        },
        ...changed,
      });
      running.push(consumer);
      return consumer;
    },
    /** Writes a message into the outbox in a transaction, which `also` may fail. */
    send(
      body: TestBody,
      options: { id?: string; also?: (client: PoolClient) => Promise<void> } = {},
    ) {
      const { id, also } = options;
      const message: OutgoingMessage = {
        exchange: binding.exchange,
        routingKey: binding.routingKey,
        body,
        ...(id === undefined ? {} : { id }),
      };
      const origin = { correlationId: 'request-1', traceparent: undefined };
      return withTransaction(pool, async (client) => {
        await writeToOutbox(client, toPublication(message, origin, Date.now()));
        await also?.(client);
      });
    },
    async effects() {
      const { rows } = await pool.query<{ value: string }>('SELECT value FROM effects ORDER BY 1');
      return rows.map(({ value }) => value);
    },
    async abandoned() {
      const { rows } = await pool.query<{ value: string; code: string }>('SELECT * FROM abandoned');
      return rows;
    },
    async jobCount() {
      const { rows } = await pool.query<{ count: string }>(
        'SELECT count(*) FROM graphile_worker.jobs',
      );
      return Number(rows[0]!.count);
    },
    /** Makes every delayed message due at once. */
    hurry: () =>
      pool.query('UPDATE graphile_worker._private_jobs SET run_at = now() WHERE run_at > now()'),
    /** Drops what an earlier test has left in the queue. */
    emptyQueue: () => withChannel(rabbitmqUrl, (channel) => channel.purgeQueue(binding.queue)),
    /** How many messages of a queue RabbitMQ could deliver. */
    readyCount: (queueName: string) =>
      withChannel(
        rabbitmqUrl,
        async (channel) => (await channel.checkQueue(queueName)).messageCount,
      ),
    /** Takes one dead letter. */
    async takeDeadLetter() {
      return withChannel(rabbitmqUrl, (channel) => channel.get(deadQueue, { noAck: true }));
    },
    async stop() {
      await Promise.all(running.splice(0).map((part) => part.close(2_000)));
      outcomes.length = 0;
      steps.length = 0;
    },
    async close() {
      await this.stop();
      await publisher.close();
      await withChannel(rabbitmqUrl, async (channel) => {
        await channel.deleteQueue(binding.queue);
        await channel.deleteExchange(binding.exchange);
      });
      await Promise.all([pool.end(), relayPool.end()]);
      await services.close();
    },
  };
}

/** Registers the hooks of a test file: each test finds empty tables and an empty queue. */
export function useMessagingFixture(): MessagingFixture {
  const fixture = {} as MessagingFixture;
  beforeAll(async () => {
    Object.assign(fixture, await createMessagingFixture());
  });
  beforeEach(async () => {
    await fixture.pool.query(
      'TRUNCATE effects, abandoned, inbox; TRUNCATE graphile_worker._private_jobs',
    );
    await fixture.emptyQueue();
  });
  afterEach(() => fixture.stop());
  afterAll(() => fixture.close());
  return fixture;
}

/** Inserts the value of the message, after as many failures as the message asks for. */
export function testHandler(binding: QueueBinding): MessageHandler {
  return defineHandler<TestBody, undefined>({
    binding,
    attemptsMax: 3,
    parse: (body) => body as TestBody,
    async apply({ client }, { body }, { message }) {
      await client.query('INSERT INTO effects VALUES ($1)', [body.value]);
      if (body.impossible === true) {
        throw new ImpossibleError({ code: 'no_such_thing', detail: 'There is no such thing.' });
      }
      if (message.attempt <= (body.failing ?? 0)) {
        throw new Error(`Attempt ${message.attempt} fails.`);
      }
    },
    async abandon({ client }, { body, failure }) {
      await client.query('INSERT INTO abandoned VALUES ($1, $2)', [body.value, failure.code]);
    },
  });
}

/** Ingest from end to end in this process: real RabbitMQ and Redis, proxies that can be cut, another client's producer. */
import type { Socket } from 'node:net';
import { connect, type ChannelModel, type ConfirmChannel, type GetMessage } from 'amqplib';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { createAccumulator, type Accumulator } from '../../src/aggregate/accumulator.ts';
import { NO_ADMISSION } from '../../src/ingest/admission.ts';
import { startConsumer, type ConsumerDeps } from '../../src/ingest/consumer.ts';
import { addCounts, noCounts, type ThreadState } from '../../src/ingest/thread-messages.ts';
import { UNTRACED } from '../../src/ingest/trace-batches.ts';
import { createRedis } from '../../src/platform/redis.ts';
import { declareTopologyAt, topologyNames } from '../../src/platform/topology.ts';
import { createPublisher } from '../../src/publish/publisher.ts';
import { openRedis, sealAndRead } from '../aggregate/aggregate-fixture.ts';
import { foldJournals } from '../../bench/fold-journals.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices } from '../support/isolated.ts';
import { BODY_LIMITS } from '../contract/body-outcomes.ts';

const SHARDS = 2;
const PLACEHOLDER = '\x7f';
const logger = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });

export type IngestFixture = Awaited<ReturnType<typeof createIngestFixture>>;
export type Ingest = Awaited<ReturnType<IngestFixture['startIngest']>>;

export interface IngestOptions {
  readonly batchSize?: number;
  readonly retryForMs?: number;
  /** Channels that the consumer's connection may have open. */
  readonly channelMax?: number;
  readonly deliveryFilter?: boolean;
  readonly deps?: (deps: ConsumerDeps) => Partial<ConsumerDeps>;
}

/** Opens, empties and closes the fixture with the hooks of a test file; it is filled in before the first test. */
export function useIngestFixture(): IngestFixture {
  const fixture = {} as IngestFixture;
  beforeAll(async () => {
    Object.assign(fixture, await createIngestFixture());
  });
  beforeEach(() => fixture.reset());
  afterAll(() => fixture.close());
  return fixture;
}

/** @param servers Replaces the servers of the run. */
export async function createIngestFixture(
  servers: { redisUrl?: string; rabbitmqUrl?: string } = {},
) {
  const services = await isolatedServices();
  const { queue } = services;
  const { rabbitmqUrl = services.rabbitmqUrl, redisUrl: redisAt = services.redisUrl } = servers;
  const redis = await openRedis(redisAt);
  const accumulator: Accumulator = createAccumulator({ redis, shards: SHARDS });
  await declareTopologyAt(rabbitmqUrl, queue);
  const connection: ChannelModel = await connect(rabbitmqUrl);
  const channel: ConfirmChannel = await connection.createConfirmChannel();
  const { deadQueue, deadExchange } = topologyNames(queue);

  /** Folds what is appended, and reads the books. */
  const books = async () => {
    await foldJournals(redis, SHARDS);
    const shards = await Promise.all([0, 1].map((shard) => accumulator.readBooks(shard)));
    return {
      counted: shards.reduce((sum, { counted }) => sum + Number(counted), 0),
      duplicates: shards.reduce((sum, { duplicates }) => sum + Number(duplicates), 0),
    };
  };

  /** Starts one consumer, as a thread does, behind its own proxies. */
  async function startIngest(ingestOptions: IngestOptions = {}) {
    const { batchSize = 20, retryForMs = 2_000, channelMax = 10, deps } = ingestOptions;
    const { deliveryFilter = true } = ingestOptions;
    const rabbitProxy = await startTcpProxy(rabbitmqUrl);
    const redisProxy = await startTcpProxy(redisAt);
    const ownRedis = createRedis(redisProxy.url, { name: 'ingest test', logger });
    const own = createAccumulator({ redis: ownRedis, shards: SHARDS });
    const publisher = createPublisher({ url: rabbitProxy.url, logger, waitTimeoutMs: 1_000 });
    const counts = noCounts();
    const states: ThreadState[] = [];
    const fatal: unknown[] = [];
    const defaults: ConsumerDeps = {
      accumulator: own,
      admission: NO_ADMISSION,
      publishDeadLetter: (publication) => publisher.publish(publication),
      deadExchange,
      probe: async () => {
        for (let shard = 0; shard < SHARDS; shard++) await own.probe(shard);
      },
      retryForMs,
      logger,
      onStep: () => undefined,
      aroundBatch: UNTRACED,
      onCounts: (more) => {
        addCounts(counts, more);
      },
      onState: (state) => states.push(state),
      onFatal: (error) => fatal.push(error),
    };
    const consumer = startConsumer(
      {
        rabbitmqUrl: `${rabbitProxy.url}?channelMax=${channelMax}`,
        queue,
        prefetch: 4 * batchSize,
        batchLingerMs: 5,
        deliveryFilter,
        batch: { batchSize, shards: SHARDS, dedupeSecret: 'test secret', limits: BODY_LIMITS },
      },
      { ...defaults, ...deps?.(defaults) },
    );
    const cut = (): void => {
      rabbitProxy.cut();
      redisProxy.cut();
    };
    return {
      counts,
      states,
      fatal,
      rabbitProxy,
      redisProxy,
      consumer,
      /** Like SIGKILL: nothing that it sends afterwards reaches a server. */
      kill: cut,
      async close(drainMs = 10_000) {
        await consumer.drain(drainMs);
        await publisher.close(Math.min(drainMs, 1_000));
        ownRedis.disconnect();
        await rabbitProxy.close();
        await redisProxy.close();
      },
    };
  }

  return {
    services,
    redis,
    accumulator,
    channel,
    books,
    startIngest,

    /** Publishes with confirms, as any AMQP client would. */
    async publish(bodies: readonly { body: unknown; messageId?: string }[]): Promise<void> {
      for (const { body, messageId } of bodies) {
        const content = typeof body === 'string' ? body : JSON.stringify(body);
        const options = messageId === undefined ? {} : { messageId };
        channel.publish(queue, queue, Buffer.from(content), { persistent: true, ...options });
      }
      await channel.waitForConfirms();
    },

    /**
     * Publishes bodies whose message id, correlation id and header name are 200 bytes that are not UTF-8, as a client in
     * another language could. Placeholders are replaced on their way to the socket.
     */
    async publishUndecodable(bodies: readonly string[]): Promise<void> {
      const foreign = await connect(rabbitmqUrl);
      const { stream } = foreign.connection as unknown as { stream: Socket };
      const write = stream.write.bind(stream);
      const name = PLACEHOLDER.repeat(200);
      const bytes = Buffer.alloc(200, 0xff).toString('latin1');
      stream.write = (chunk: Buffer) =>
        write(Buffer.from(chunk.toString('latin1').replaceAll(name, bytes), 'latin1'));
      const raw = await foreign.createConfirmChannel();
      for (const body of bodies) {
        raw.publish(queue, queue, Buffer.from(body), {
          messageId: name,
          correlationId: name,
          headers: { [name]: 1, '!': 'odd', list: [[[[[[[[[[[1]]]]]]]]]]] },
        });
      }
      await raw.waitForConfirms();
      await foreign.close();
    },

    async readyCount(): Promise<number> {
      return (await channel.checkQueue(queue)).messageCount;
    },

    async deadCount(): Promise<number> {
      return (await channel.checkQueue(deadQueue)).messageCount;
    },

    async consumerCount(): Promise<number> {
      return (await channel.checkQueue(queue)).consumerCount;
    },

    async deleteQueue(): Promise<void> {
      await channel.deleteQueue(queue);
    },

    async deleteDeadQueue(): Promise<void> {
      await channel.deleteQueue(deadQueue);
    },

    declare: () => declareTopologyAt(rabbitmqUrl, queue),

    /** Takes all dead letters from their queue; copies of the same one count once. */
    async takeDeadLetters(): Promise<Map<string, GetMessage>> {
      const letters = new Map<string, GetMessage>();
      for (;;) {
        const message = await channel.get(deadQueue, { noAck: true });
        if (message === false) return letters;
        letters.set(String(message.properties.headers?.['x-pulse-dead-letter-id']), message);
      }
    },

    async sums() {
      await foldJournals(redis, SHARDS);
      return sealAndRead(accumulator);
    },

    async counted(count: number): Promise<void> {
      await eventually(async () => (await books()).counted).toBe(count);
    },

    async reset(): Promise<void> {
      await channel.purgeQueue(queue);
      await channel.purgeQueue(deadQueue);
      await redis.flushdb();
    },

    async close(): Promise<void> {
      await connection.close();
      redis.disconnect();
      await services.close();
    },
  };
}

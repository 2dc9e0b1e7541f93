/** An external producer: plain amqplib, none of Pulse's code. */
import { connect, type ChannelModel, type ConfirmChannel, type Options } from 'amqplib';
import { onTestFinished } from 'vitest';

export interface ForeignMessage {
  readonly body: string | Buffer;
  /** Default: the exchange and the routing key named after the queue. */
  readonly exchange?: string;
  readonly options?: Options.Publish;
}

export interface ForeignClient {
  /** Publishes in order; resolves when the broker has confirmed everything. */
  publish(messages: Iterable<ForeignMessage>): Promise<void>;
  /** Ready pulses in the queue, without those that a consumer holds. */
  depth(): Promise<number>;
  consumers(): Promise<number>;
  /** Resolves when fewer than `limit` are ready. */
  drainedBelow(limit: number): Promise<void>;
  close(): Promise<void>;
}

/** Unconfirmed messages at a time. */
const WINDOW = 2_000;

/** Connects; the connection is closed when the test ends. */
export async function openForeignClient(url: string, queue: string): Promise<ForeignClient> {
  const connection = await connect(url);
  connection.on('error', () => undefined);
  const channel = await connection.createConfirmChannel();
  const client = toClient(connection, channel, queue);
  onTestFinished(() => client.close());
  return client;
}

function toClient(connection: ChannelModel, channel: ConfirmChannel, queue: string): ForeignClient {
  const depth = async (): Promise<number> => (await channel.checkQueue(queue)).messageCount;
  let closed = false;
  return {
    async publish(messages) {
      let unconfirmed = 0;
      for (const { body, exchange = queue, options = {} } of messages) {
        channel.publish(exchange, queue, Buffer.from(body as string), {
          persistent: true,
          ...options,
        });
        if (++unconfirmed < WINDOW) continue;
        await channel.waitForConfirms();
        unconfirmed = 0;
      }
      await channel.waitForConfirms();
    },
    depth,
    consumers: async () => (await channel.checkQueue(queue)).consumerCount,
    async drainedBelow(limit) {
      while ((await depth()) >= limit);
    },
    async close() {
      if (closed) return;
      closed = true;
      await connection.close().catch(() => undefined);
    },
  };
}

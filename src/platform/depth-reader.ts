/** Reads the depth of queues by passive declarations, which need no management plugin. */
import type { Channel } from 'amqplib';
import { codeOf, TransientError } from '../core/errors.ts';
import type { Logger } from './logger.ts';
import { startRabbitSession, type RabbitLink } from './rabbit.ts';
import { NOT_FOUND, type QueueDepth } from './topology.ts';

export interface DepthReader {
  /** @throws TransientError RabbitMQ is unavailable, or there is no such queue. */
  read(queue: string): Promise<QueueDepth>;
  /** Undefined when there is no such queue. @throws TransientError RabbitMQ is unavailable. */
  find(queue: string): Promise<QueueDepth | undefined>;
  close(): Promise<void>;
}

/** Opens a separate connection with one channel, and reconnects until it is closed. */
export function startDepthReader({
  url,
  name,
  logger,
}: {
  readonly url: string;
  /** Of the connection, in RabbitMQ's list. */
  readonly name: string;
  readonly logger: Logger;
}): DepthReader {
  let link: RabbitLink | undefined;
  let channel: Channel | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const session = startRabbitSession({
    url,
    name,
    logger,
    setup: (opened) => {
      link = opened;
      channel = undefined;
      return Promise.resolve();
    },
  });
  const look = async (queue: string): Promise<QueueDepth | undefined> => {
    await session.ready;
    if (link?.alive !== true) {
      throw new TransientError('PULSE_RABBIT_UNREACHABLE', 'The connection to RabbitMQ was lost.');
    }
    try {
      channel ??= await openChannel(link);
      const { messageCount, consumerCount } = await channel.checkQueue(queue);
      return { readyCount: messageCount, consumerCount };
    } catch (error) {
      // The broker closes the channel on which a command has failed.
      channel = undefined;
      if (codeOf(error) === NOT_FOUND) return undefined;
      throw error;
    }
  };
  // One after the other: a queue that does not exist closes the channel, and with it every other question on it.
  const find = (queue: string): Promise<QueueDepth | undefined> => {
    const found = turn.then(() => look(queue));
    turn = found.catch(() => undefined);
    return found;
  };
  return {
    find,
    async read(queue) {
      const depth = await find(queue);
      if (depth !== undefined) return depth;
      throw new TransientError('PULSE_RABBIT_UNREACHABLE', `Queue "${queue}" does not exist.`);
    },
    close: () => session.close(),
  };
}

/** Not a channel of the link, which ends when one of its channels closes. */
async function openChannel({ connection }: RabbitLink): Promise<Channel> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  return channel;
}

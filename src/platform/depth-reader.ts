/** Reads the depth of queues by passive declarations, which need no management plugin. */
import { TransientError } from '../core/errors.ts';
import type { Logger } from './logger.ts';
import { startRabbitSession, type RabbitLink } from './rabbit.ts';
import { readQueueDepth, type QueueDepth } from './topology.ts';

export interface DepthReader {
  /** @throws TransientError RabbitMQ is unavailable, or there is no such queue. */
  read(queue: string): Promise<QueueDepth>;
  /** Undefined when there is no such queue. @throws TransientError RabbitMQ is unavailable. */
  find(queue: string): Promise<QueueDepth | undefined>;
  close(): Promise<void>;
}

/** Opens a separate connection, and reconnects until it is closed. */
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
  const session = startRabbitSession({
    url,
    name,
    logger,
    setup: (opened) => {
      link = opened;
      return Promise.resolve();
    },
  });
  const find = async (queue: string): Promise<QueueDepth | undefined> => {
    await session.ready;
    if (link?.alive !== true) {
      throw new TransientError('PULSE_RABBIT_UNREACHABLE', 'The connection to RabbitMQ was lost.');
    }
    return readQueueDepth(link.connection, queue);
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

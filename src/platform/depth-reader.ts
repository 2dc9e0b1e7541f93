/** Reads the depth of queues by passive declarations, which need no management plugin. */
import { TransientError } from '../core/errors.ts';
import type { Logger } from './logger.ts';
import { startRabbitSession, type RabbitLink } from './rabbit.ts';
import { readQueueDepth, type QueueDepth } from './topology.ts';

export interface DepthReader {
  /** @throws TransientError RabbitMQ is unavailable, or there is no such queue. */
  read(queue: string): Promise<QueueDepth>;
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
  return {
    async read(queue) {
      await session.ready;
      if (link?.alive !== true) {
        throw new TransientError(
          'PULSE_RABBIT_UNREACHABLE',
          'The connection to RabbitMQ was lost.',
        );
      }
      const depth = await readQueueDepth(link.connection, queue);
      if (depth !== undefined) return depth;
      throw new TransientError('PULSE_RABBIT_UNREACHABLE', `Queue "${queue}" does not exist.`);
    },
    close: () => session.close(),
  };
}

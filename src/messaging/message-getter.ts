/** Takes messages from a queue one at a time, when somebody asks for one (`basic.get`), and not as they come. */
import type { Channel, GetMessage } from 'amqplib';
import { codeOf, TransientError } from '../core/errors.ts';
import { withTimeout } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { startRabbitSession, type RabbitLink } from '../platform/rabbit.ts';
import { fromDelivery, type ReceivedMessage } from './message.ts';
import { declareQueuesAt, type QueueBinding } from './queues.ts';

export interface MessageGetter {
  /** Resolves when connected, at once if it is. */
  readonly ready: Promise<void>;
  /**
   * Takes the first message of the queue.
   *
   * @returns Undefined when the queue is empty.
   * @throws TransientError RabbitMQ is unavailable, or the queue was deleted; it is declared again then, empty. A message
   * that was taken all the same goes back.
   */
  get(): Promise<TakenMessage | undefined>;
  close(): Promise<void>;
}

/** The broker keeps it for whoever took it. It goes to another one if the connection is lost, or the process dies. */
export interface TakenMessage {
  readonly message: ReceivedMessage;
  /** Ends the message. */
  acknowledge(): void;
  /** Ends the message. The broker itself puts it into the quarantine, whatever its size. */
  reject(): void;
  /** Puts it back to where it was. A quorum queue counts that, and gives the message up after 20 times. */
  giveBack(): void;
}

const GET_TIMEOUT_MS = 5_000;
const NOT_FOUND = 404;

/** Connects in the background, and reconnects until it is closed. */
export function createMessageGetter({
  url,
  binding,
  deadExchange,
  logger,
  name,
}: {
  readonly url: string;
  /** Declared again if the queue is deleted. */
  readonly binding: QueueBinding;
  /** Where the broker puts what it gives up. */
  readonly deadExchange: string;
  readonly logger: Logger;
  /** Shown by RabbitMQ beside the connection. */
  readonly name: string;
}): MessageGetter {
  const { queue } = binding;
  const declareAgain = async (): Promise<void> => {
    try {
      await withTimeout(GET_TIMEOUT_MS, declareQueuesAt(url, [binding], deadExchange));
      logger.warn({ queue }, 'queue was deleted, and is declared again');
    } catch (error) {
      logger.error({ err: error, queue }, 'queue was deleted, and could not be declared again');
    }
  };
  let current: { readonly link: RabbitLink; readonly channel: Channel } | undefined;
  const session = startRabbitSession({
    url,
    name,
    logger,
    async setup(link) {
      current = { link, channel: await link.createChannel() };
    },
    onLost: () => {
      current = undefined;
    },
  });
  return {
    get ready() {
      return session.ready;
    },
    async get() {
      if (current === undefined) {
        throw new TransientError('PULSE_RABBIT_UNREACHABLE', 'RabbitMQ: not connected.');
      }
      const { link, channel } = current;
      const asked = getOne(channel, queue).then((got) =>
        got === undefined ? undefined : toTaken(got, { queue, link, channel }),
      );
      try {
        return await withTimeout(GET_TIMEOUT_MS, asked);
      } catch (error) {
        asked.then((late) => late?.giveBack()).catch(() => undefined);
        if (codeOf(error) === NOT_FOUND) await declareAgain();
        throw new TransientError('PULSE_RABBIT_UNREACHABLE', 'RabbitMQ gave no message.', {
          cause: error,
        });
      }
    },
    close: () => session.close(),
  };
}

async function getOne(channel: Channel, queue: string): Promise<GetMessage | undefined> {
  const got = await channel.get(queue);
  return got === false ? undefined : got;
}

function toTaken(
  got: GetMessage,
  { queue, link, channel }: { queue: string; link: RabbitLink; channel: Channel },
): TakenMessage {
  // On a lost link, the broker has put the message back already.
  const onLink = (settle: () => void): void => {
    if (link.alive) settle();
  };
  return {
    message: fromDelivery(queue, got),
    acknowledge: () => {
      onLink(() => {
        channel.ack(got);
      });
    },
    reject: () => {
      onLink(() => {
        channel.reject(got, false);
      });
    },
    giveBack: () => {
      onLink(() => {
        channel.nack(got);
      });
    },
  };
}

/**
 * The last resort of the quarantine: moves a message that cannot be stored to the queue `<q>.dead.parked`.
 *
 * The steps, and what a crash after each of them does:
 * 1. Publish, on a connection of its own. _It comes back from the queue of dead letters._
 * 2. The broker confirms. _It comes back as well, and is parked a second time._
 * 3. Acknowledge. _Done: it is in the parked queue alone._
 *
 * A message that cannot be parked either goes back to its queue after a growing delay. Meanwhile it is unacknowledged,
 * and its body is not held.
 */
import type { ConsumeMessage, Message } from 'amqplib';
import { codeOf, toError } from '../core/errors.ts';
import { backoffDelayMs, sleep } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { createOutageLog } from '../platform/outage-log.ts';
import type { RabbitLink } from '../platform/rabbit.ts';
import { createPublisher, type Publisher } from '../publish/publisher.ts';
import { returnCount, toParkedPublication, type ParkReason } from './parked-publication.ts';

export interface ParkingDeps {
  readonly url: string;
  /** PULSE_QUEUE. */
  readonly queue: string;
  readonly logger: Logger;
  /** Ends the delays; what is held then is left to the broker, which delivers it again. */
  readonly stop: AbortSignal;
  /** Called after each confirm, before the acknowledgement. */
  readonly onParked?: ((reason: ParkReason) => void) | undefined;
}

/** What is done with the delivery of one link. */
export interface Settling {
  readonly link: Pick<RabbitLink, 'alive' | 'fail'>;
  readonly ack: (message: Message) => void;
  readonly requeue: (message: Message) => void;
}

interface Held extends Settling {
  readonly tag: Message;
  readonly count: number;
  readonly reason: ParkReason;
  readonly error?: unknown;
}

export interface Parking {
  /** Resolves when the delivery is acknowledged or has gone back to its queue, or its link is lost. Never rejects. */
  settle(
    delivery: ConsumeMessage,
    why: { readonly reason: ParkReason; readonly error?: unknown },
    settling: Settling,
  ): Promise<void>;
  close(): Promise<void>;
}

/** Publications at a time. Few, because each body may be as large as the broker allows. */
const OUTSTANDING_MAX = 20;
const WAIT_TIMEOUT_MS = 10_000;
const RETURN = { baseMs: 1_000, capMs: 60_000 };

/** Connects when the first message must be parked, which is hardly ever. */
export function createParking(deps: ParkingDeps): Parking {
  const { url, queue, logger, stop, onParked } = deps;
  let publisher: Publisher | undefined;
  let outstandingCount = 0;
  let hasFailed = false;
  const outage = createOutageLog({
    logger,
    facts: { queue },
    failedText: 'dead letters cannot be parked; they stay in their queue',
    endedText: 'dead letters are parked again',
  });

  /** Whether it is parked. While parking fails, one message at a time is tried, and the others wait. */
  const park = async (delivery: ConsumeMessage, reason: ParkReason): Promise<boolean> => {
    if (stop.aborted || outstandingCount >= (hasFailed ? 1 : OUTSTANDING_MAX)) return false;
    publisher ??= createPublisher({
      url,
      logger,
      name: 'pulse parking',
      waitTimeoutMs: WAIT_TIMEOUT_MS,
    });
    outstandingCount += 1;
    try {
      await publisher.publish(toParkedPublication(delivery, { queue, reason }));
      hasFailed = false;
      outage.ended();
      return true;
    } catch (error) {
      hasFailed = true;
      outage.failed(error);
      return false;
    } finally {
      outstandingCount -= 1;
    }
  };

  const finish = async (isParked: boolean, held: Held): Promise<void> => {
    const { tag, count, reason, error, link, ack, requeue } = held;
    if (isParked) {
      logger.error({ queue, reason, code: codeOf(error) }, 'dead letter parked');
      onParked?.(reason);
      if (link.alive) ack(tag);
      return;
    }
    await sleep(backoffDelayMs(count, RETURN), stop);
    if (link.alive && !stop.aborted) requeue(tag);
  };

  return {
    settle(delivery, why, settling) {
      // Not the delivery itself, whose body would be held until it goes back.
      const held = {
        ...{ tag: tagOf(delivery), count: returnCount(delivery.properties) },
        ...why,
        ...settling,
      };
      return park(delivery, why.reason)
        .then((isParked) => finish(isParked, held))
        .catch((error: unknown) => {
          settling.link.fail(toError(error));
        });
    },
    close: async () => publisher?.close(0),
  };
}

/** All that an acknowledgement needs of a delivery: not the body. */
function tagOf({ fields: { deliveryTag } }: ConsumeMessage): Message {
  return { fields: { deliveryTag } } as Message;
}

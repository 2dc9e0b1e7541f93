/**
 * Consumes the queues of some handlers on one connection, a channel for each queue.
 *
 * States:
 * - `waiting`: RabbitMQ is unavailable; nothing is held.
 * - `consuming`: at most `prefetch` messages of each queue are in progress, all unacknowledged, and not many more than
 *   16 MiB of all queues together: the connection is not read while there are more.
 * - `paused`: Postgres is unavailable; what is in progress waits and is tried again, and the broker
 *   delivers nothing more. No delivery is returned, so no delivery limit is used up.
 * - `closed`: what was not acknowledged is delivered to another process.
 */
import { setMaxListeners } from 'node:events';
import type { Channel, ConsumeMessage } from 'amqplib';
import { TransientError, type PulseError } from '../core/errors.ts';
import { waitAtMost } from '../platform/backoff.ts';
import { startRabbitSession, type RabbitLink } from '../platform/rabbit.ts';
import { createReadGate } from '../platform/read-gate.ts';
import { createAcknowledgements } from './acknowledgements.ts';
import type { BatchHandler } from './handle-batch.ts';
import type { MessageHandler } from './handler.ts';
import { createHeldBytes } from './held-bytes.ts';
import { BATCH_MESSAGES_MAX, createBatches, type DeliveryTaker } from './settle-batches.ts';
import {
  inLargeTurn,
  isLarge,
  settleMessage,
  type Progress,
  type SettleDeps,
  type Subscription,
} from './settle-message.ts';

export interface ConsumerDeps extends Omit<SettleDeps, 'signal'> {
  readonly url: string;
  readonly handlers: readonly MessageHandler[];
  /** Messages of one queue in progress at a time. */
  readonly prefetch?: number;
  /** The consumer has ended for good. */
  readonly onFatal: (error: PulseError) => void;
}

export interface MessageConsumer {
  readonly state: 'waiting' | 'consuming' | 'paused' | 'closed';
  /** Cancels, finishes what is in progress within `timeoutMs`, and closes the connection. */
  close(timeoutMs: number): Promise<void>;
}

const PREFETCH = 10;
/** Of a queue whose messages are handled in batches: one in progress and one that waits. */
const BATCH_PREFETCH = 2 * BATCH_MESSAGES_MAX;
/** Of all queues together. What one message brings beyond it is held as well. */
const HELD_BYTES_MAX = 16 * 1024 * 1024;
const CANCEL_TIMEOUT_MS = 2_000;

/** Starts consuming; reconnects until it is closed. */
export function startMessageConsumer(deps: ConsumerDeps): MessageConsumer {
  const stopping = createStop();
  const progress: Progress = { heldCount: 0, largeDone: Promise.resolve() };
  /** What is in progress: one promise for each delivery, or for all those of a queue that are handled in batches. */
  const works = new Set<Promise<void>>();
  /** Of lost connections too: their messages stay until what handles them has ended. */
  const held = createHeldBytes(HELD_BYTES_MAX);
  const consumerTags = new Map<Channel, string>();
  let state: 'waiting' | 'consuming' | 'closed' = 'waiting';

  /** @returns What starts it. */
  async function prepareToConsume(
    handler: MessageHandler,
    link: RabbitLink,
  ): Promise<() => Promise<void>> {
    const { queue } = handler.binding;
    const channel = await link.createChannel();
    await channel.prefetch(isBatchHandler(handler) ? BATCH_PREFETCH : (deps.prefetch ?? PREFETCH));
    const acknowledgements = createAcknowledgements<ConsumeMessage>((delivery, allUpTo) => {
      // Delivery tags of a lost link are void, and would close the next channel.
      if (link.alive) channel.ack(delivery, allUpTo);
    });
    const settleDeps = { ...deps, signal: stopping.signal };
    const taker = takerOf(
      { handler, link, acknowledgements, deps: settleDeps, progress },
      { works, release: held.remove },
    );
    return async () => {
      const { consumerTag } = await channel.consume(queue, (delivery) => {
        if (delivery === null) {
          const message = `RabbitMQ cancelled the consumer of queue ${queue}.`;
          link.fail(new TransientError('PULSE_RABBIT_UNREACHABLE', message));
          return;
        }
        acknowledgements.delivered(delivery);
        held.add(delivery.content.length);
        taker.take(delivery);
      });
      consumerTags.set(channel, consumerTag);
    };
  }

  const session = startRabbitSession({
    url: deps.url,
    name: 'pulse messages',
    logger: deps.logger,
    async setup(link) {
      const starts: (() => Promise<void>)[] = [];
      for (const handler of deps.handlers) starts.push(await prepareToConsume(handler, link));
      // All at once: until the last of them is confirmed, the first ones hold what comes without a bound.
      await Promise.all(starts.map((start) => start()));
      held.bound(createReadGate(link.connection));
      state = 'consuming';
    },
    onLost() {
      consumerTags.clear();
      if (state === 'consuming') state = 'waiting';
    },
    onFatal: deps.onFatal,
  });

  return {
    get state() {
      return state === 'consuming' && progress.heldCount > 0 ? 'paused' : state;
    },
    async close(timeoutMs) {
      const cancels = [...consumerTags].map(([channel, tag]) => channel.cancel(tag));
      await waitAtMost(CANCEL_TIMEOUT_MS, Promise.allSettled(cancels));
      // Held messages would wait for Postgres; they are delivered to another process.
      if (progress.heldCount === 0) {
        await waitAtMost(timeoutMs, Promise.allSettled([...works]));
      }
      stopping.abort();
      await Promise.allSettled([...works]);
      state = 'closed';
      await session.close();
    },
  };
}

/** Every message that waits for Postgres listens to its signal, more of them than Node.js expects. */
function createStop(): AbortController {
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);
  return stopping;
}

function isBatchHandler(handler: MessageHandler): handler is BatchHandler {
  return handler.applyAll !== undefined;
}

/** @returns What takes the deliveries of a queue. */
function takerOf(
  subscription: Subscription,
  { works, release }: { works: Set<Promise<void>>; release: (bytes: number) => void },
): DeliveryTaker {
  const run = (work: Promise<void>): void => {
    works.add(work);
    void work.finally(() => works.delete(work));
  };
  const { handler, progress } = subscription;
  if (isBatchHandler(handler)) return createBatches({ ...subscription, handler }, { run, release });
  return {
    take(delivery) {
      const settle = () => settleMessage(delivery, subscription);
      const work = isLarge(delivery) ? inLargeTurn(progress, settle) : settle();
      run(
        work.finally(() => {
          release(delivery.content.length);
        }),
      );
    },
  };
}

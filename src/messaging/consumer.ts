/**
 * Consumes the queues of some handlers on one connection, a channel for each queue.
 *
 * States:
 * - `waiting`: RabbitMQ is unavailable; nothing is held.
 * - `consuming`: at most `prefetch` messages of each queue are in progress, all unacknowledged.
 * - `paused`: Postgres is unavailable; what is in progress waits and is tried again, and the broker
 *   delivers nothing more. No delivery is returned, so no delivery limit is used up.
 * - `closed`: what was not acknowledged is delivered to another process.
 */
import { SpanKind } from '@opentelemetry/api';
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Publication } from '../contract/publication.ts';
import { TransientError, type PulseError } from '../core/errors.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import { startRabbitSession, type RabbitLink } from '../platform/rabbit.ts';
import { parseTraceparent } from '../core/trace-context.ts';
import type { SpanFacts } from '../platform/tracing.ts';
import { messageAttributes } from '../publish/traced-publish.ts';
import { createAcknowledgements, type Acknowledgements } from './acknowledgements.ts';
import { createBatches, type BatchHandler } from './handle-batch.ts';
import {
  handleMessage,
  type HandleDeps,
  type HandledMessage,
  type MessageOutcome,
} from './handle-message.ts';
import type { MessageHandler } from './handler.ts';
import type { MessageStep } from './message-steps.ts';
import { fromDelivery, toReply, type ReceivedMessage } from './message.ts';

export interface ConsumerDeps extends Omit<HandleDeps, 'signal' | 'onStep'> {
  readonly url: string;
  readonly handlers: readonly MessageHandler[];
  /** Messages of one queue in progress at a time. */
  readonly prefetch?: number;
  readonly onOutcome: (queue: string, outcome: MessageOutcome, seconds: number) => void;
  /** Sends the answer to a message. May reject: whoever asked can ask again. */
  readonly publishReply: (publication: Publication) => Promise<void>;
  readonly onStep: (step: MessageStep) => void;
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
const BATCH_PREFETCH = 600;
/** Larger messages are handled one at a time: a dead letter takes several times its size in memory. */
const LARGE_BYTES = 256 * 1024;
const HELD_BACKOFF = { baseMs: 200, capMs: 5_000 };
const CANCEL_TIMEOUT_MS = 2_000;
const REPLY_TIMEOUT_MS = 5_000;

/** What the messages in progress share. */
interface Progress {
  readonly stopping: AbortController;
  /** One promise for each delivery that is not settled. */
  readonly works: Set<Promise<void>>;
  /** How many of them wait for Postgres. */
  heldCount: number;
  /** The end of the last large message. */
  largeDone: Promise<unknown>;
}

/** Where a delivery came from. */
interface Subscription {
  readonly handler: MessageHandler;
  readonly handle: (message: ReceivedMessage) => Promise<HandledMessage>;
  readonly link: RabbitLink;
  readonly acknowledgements: Acknowledgements<ConsumeMessage>;
}

/** Starts consuming; reconnects until it is closed. */
export function startMessageConsumer(deps: ConsumerDeps): MessageConsumer {
  const progress: Progress = {
    stopping: new AbortController(),
    works: new Set(),
    heldCount: 0,
    largeDone: Promise.resolve(),
  };
  const consumerTags = new Map<Channel, string>();
  let state: 'waiting' | 'consuming' | 'closed' = 'waiting';

  const session = startRabbitSession({
    url: deps.url,
    name: 'pulse messages',
    logger: deps.logger,
    async setup(link) {
      for (const handler of deps.handlers) {
        const channel = await link.createChannel();
        const isBatch = handler.applyAll !== undefined;
        await channel.prefetch(isBatch ? BATCH_PREFETCH : (deps.prefetch ?? PREFETCH));
        const handle = handles(handler, { ...deps, signal: progress.stopping.signal });
        const acknowledgements = createAcknowledgements<ConsumeMessage>((delivery, allUpTo) => {
          // Delivery tags of a lost link are void, and would close the next channel.
          if (link.alive) channel.ack(delivery, allUpTo);
        });
        const subscription = { handler, handle, link, acknowledgements };
        const onDelivery = takeDeliveries(subscription, { deps, progress });
        const { consumerTag } = await channel.consume(handler.binding.queue, onDelivery);
        consumerTags.set(channel, consumerTag);
      }
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
        await waitAtMost(timeoutMs, Promise.allSettled([...progress.works]));
      }
      progress.stopping.abort();
      await Promise.allSettled([...progress.works]);
      state = 'closed';
      await session.close();
    },
  };
}

function handles(handler: MessageHandler, deps: HandleDeps): Subscription['handle'] {
  if (isBatchHandler(handler)) return createBatches(handler, deps);
  return (message) => handleMessage(handler, message, deps);
}

function isBatchHandler(handler: MessageHandler): handler is BatchHandler {
  return handler.applyAll !== undefined;
}

interface Consuming {
  readonly deps: ConsumerDeps;
  readonly progress: Progress;
}

function takeDeliveries(subscription: Subscription, consuming: Consuming) {
  const { works } = consuming.progress;
  return (delivery: ConsumeMessage | null): void => {
    if (delivery === null) {
      const { queue } = subscription.handler.binding;
      const message = `RabbitMQ cancelled the consumer of queue ${queue}.`;
      subscription.link.fail(new TransientError('PULSE_RABBIT_UNREACHABLE', message));
      return;
    }
    subscription.acknowledgements.delivered(delivery);
    const work = settleInTurn(delivery, subscription, consuming);
    works.add(work);
    void work.finally(() => works.delete(work));
  };
}

function settleInTurn(
  delivery: ConsumeMessage,
  subscription: Subscription,
  consuming: Consuming,
): Promise<void> {
  if (delivery.content.length <= LARGE_BYTES) return settle(delivery, subscription, consuming);
  const { progress } = consuming;
  const work = progress.largeDone.then(() => settle(delivery, subscription, consuming));
  progress.largeDone = work.catch(() => undefined);
  return work;
}

/** Handles until there is an outcome; gives up when the link is lost or the process stops. */
async function settle(
  delivery: ConsumeMessage,
  { handler, handle, link, acknowledgements }: Subscription,
  { deps, progress }: Consuming,
): Promise<void> {
  deps.onStep('delivered');
  const { queue } = handler.binding;
  const { signal } = progress.stopping;
  const message = fromDelivery(queue, delivery);
  const facts = spanFacts(message);
  for (let attempt = 0; link.alive && !signal.aborted; attempt++) {
    const startedMs = performance.now();
    const { outcome, reply } = await deps.tracing.span(`process ${queue}`, facts, async (span) => {
      const handled = await handle(message);
      span.setAttribute('pulse.outcome', handled.outcome);
      return handled;
    });
    deps.onOutcome(queue, outcome, (performance.now() - startedMs) / 1000);
    if (outcome !== 'held') {
      if (reply !== undefined) await sendReply(message, reply, deps);
      await acknowledgements.acknowledge(delivery);
      deps.onStep('acknowledged');
      return;
    }
    progress.heldCount += 1;
    await sleep(backoffDelayMs(attempt, HELD_BACKOFF), signal);
    progress.heldCount -= 1;
  }
}

/**
 * Nobody may be listening any more, which is not an error. If RabbitMQ is unavailable, the message is delivered again, and
 * its copy is answered.
 */
async function sendReply(message: ReceivedMessage, reply: string, deps: ConsumerDeps) {
  const publication = toReply(message, reply);
  if (publication === undefined) return;
  const { publishReply, logger, onStep } = deps;
  const sent = publishReply(publication).catch((error: unknown) => {
    logger.debug({ err: error, queue: message.queue }, 'answer could not be sent');
  });
  await waitAtMost(REPLY_TIMEOUT_MS, sent);
  onStep('replied');
}

/** A child of the span that published the message. */
function spanFacts({ queue, id, attempt, correlationId, traceparent }: ReceivedMessage): SpanFacts {
  return {
    kind: SpanKind.CONSUMER,
    attributes: {
      'messaging.system': 'rabbitmq',
      'messaging.operation.type': 'process',
      'messaging.destination.name': queue,
      ...messageAttributes({ messageId: id, correlationId }),
      'pulse.attempt': attempt,
    },
    parent: parseTraceparent(traceparent),
  };
}

/** Handles one delivery until it is settled: answered if it is a request, and acknowledged. */
import { SpanKind } from '@opentelemetry/api';
import type { ConsumeMessage } from 'amqplib';
import type { Publication } from '../contract/publication.ts';
import { TransientError } from '../core/errors.ts';
import { parseTraceparent } from '../core/trace-context.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import type { RabbitLink } from '../platform/rabbit.ts';
import type { SpanFacts } from '../platform/tracing.ts';
import { messageAttributes } from '../publish/traced-publish.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import { handleMessage, type HandleDeps, type MessageOutcome } from './handle-message.ts';
import type { MessageHandler } from './handler.ts';
import { fromDelivery, toReply, type ReceivedMessage } from './message.ts';

export interface SettleDeps extends HandleDeps {
  readonly onOutcome: (queue: string, outcome: MessageOutcome, seconds: number) => void;
  /** Sends the answer to a message. May reject: whoever asked can ask again. */
  readonly publishReply: (publication: Publication) => Promise<void>;
  /** How long a delivery may wait for Postgres; then all of its connection go back. */
  readonly heldMsMax: number;
}

/** What the messages in progress share. */
export interface Progress {
  /** How many of them wait for Postgres. */
  heldCount: number;
  /** The end of the last large message. */
  largeDone: Promise<unknown>;
}

/** Where deliveries come from, and what they need. */
export interface Subscription<Handler extends MessageHandler = MessageHandler> {
  readonly handler: Handler;
  readonly link: Pick<RabbitLink, 'alive' | 'fail'>;
  readonly acknowledgements: Acknowledgements<ConsumeMessage>;
  readonly deps: SettleDeps;
  readonly progress: Progress;
}

const HELD_BACKOFF = { baseMs: 200, capMs: 5_000 };
const REPLY_TIMEOUT_MS = 5_000;
/** Larger messages are handled one at a time: a dead letter takes several times its size in memory. */
const LARGE_BYTES = 256 * 1024;

export function isLarge({ content }: Pick<ConsumeMessage, 'content'>): boolean {
  return content.length > LARGE_BYTES;
}

/** Does some work with large messages when no other is in progress. */
export function inLargeTurn(progress: Progress, work: () => Promise<void>): Promise<void> {
  const done = progress.largeDone.then(work);
  progress.largeDone = done.catch(() => undefined);
  return done;
}

/** Handles until there is an outcome; gives up when the link is lost or the process stops. */
export async function settleMessage(
  delivery: ConsumeMessage,
  subscription: Subscription,
): Promise<void> {
  const { handler, acknowledgements, deps } = subscription;
  deps.onStep('delivered');
  const { queue } = handler.binding;
  const message = fromDelivery(queue, delivery);
  const facts = spanFacts(message);
  const sinceMs = performance.now();
  for (let attempt = 0; isWanted(subscription); attempt++) {
    const startedMs = performance.now();
    const { outcome, reply } = await deps.tracing.span(`process ${queue}`, facts, async (span) => {
      const handled = await handleMessage(handler, message, deps);
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
    await waitWhileHeld(subscription, { messages: 1, attempt, sinceMs });
  }
}

/** False when the broker delivers what is not acknowledged to another consumer. */
export function isWanted({ link, deps }: Subscription): boolean {
  return link.alive && !deps.signal.aborted;
}

/** @param held `sinceMs`: when the oldest of them was delivered. */
export async function waitWhileHeld(
  { progress, deps, link }: Subscription,
  held: { readonly messages: number; readonly attempt: number; readonly sinceMs: number },
): Promise<void> {
  const { messages, attempt, sinceMs } = held;
  progress.heldCount += messages;
  await sleep(backoffDelayMs(attempt, HELD_BACKOFF), deps.signal);
  progress.heldCount -= messages;
  if (performance.now() - sinceMs < deps.heldMsMax) return;
  const message = 'Postgres has been unavailable for too long; the messages go back to RabbitMQ.';
  link.fail(new TransientError('PULSE_POSTGRES_UNREACHABLE', message));
}

/**
 * Nobody may be listening any more, which is not an error. If RabbitMQ is unavailable, the message is delivered again, and
 * its copy is answered.
 */
export async function sendReply(
  message: ReceivedMessage,
  reply: string,
  deps: SettleDeps,
): Promise<void> {
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
export function spanFacts({
  queue,
  id,
  attempt,
  correlationId,
  traceparent,
}: ReceivedMessage): SpanFacts {
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

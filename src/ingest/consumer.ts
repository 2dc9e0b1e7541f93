/**
 * One consumer of the pulses queue: deliveries in, batches settled, acknowledgements out in order.
 *
 * States:
 * - `waiting`: RabbitMQ or Redis is away; nothing is consumed, nothing is held.
 * - `consuming`: at most `prefetch` deliveries are held, all of them unacknowledged at the broker.
 * - `paused`: on request; the connection is kept, nothing is consumed, nothing is held.
 * - `closed`: drained or given up; what was not acknowledged is delivered to somebody else.
 * A batch that cannot be settled leads from `consuming` to `waiting` by giving the channel up.
 */
import type { Channel } from 'amqplib';
import { PulseError, TransientError } from '../core/errors.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { startRabbitSession, type RabbitLink } from '../platform/rabbit.ts';
import { Batch, createKeyTables, type BatchOptions, type Delivery } from './batch.ts';
import { createBatcher } from './batcher.ts';
import { createGate, type Gate } from './gate.ts';
import { settleBatch, type SettleDeps } from './settle-batch.ts';
import {
  noCounts,
  NOTHING_HELD,
  type HeldDeliveries,
  type IngestCounts,
  type ThreadState,
} from './thread-messages.ts';
import type { AroundBatch } from './trace-batches.ts';

export interface ConsumerOptions {
  readonly rabbitmqUrl: string;
  readonly queue: string;
  readonly prefetch: number;
  readonly batchLingerMs: number;
  readonly batch: BatchOptions;
  /** Begin without consuming; `resume` begins. */
  readonly paused?: boolean;
}

export interface ConsumerDeps extends Omit<SettleDeps, 'signal'> {
  readonly logger: Logger;
  /** Resolves when Redis can take a batch; called before consuming starts, and again after a failure. */
  readonly probe: () => Promise<void>;
  readonly onCounts: (counts: IngestCounts) => void;
  readonly onState: (state: ThreadState) => void;
  /** Called around the settling of each batch; traces are taken here. */
  readonly aroundBatch?: AroundBatch;
  /** State is in doubt: the process must stop. */
  readonly onFatal: (error: Error) => void;
}

export interface Consumer {
  /** What is unacknowledged now. */
  readonly held: HeldDeliveries;
  /** Cancels the subscription, settles and acknowledges what is held, and stays connected. */
  readonly pause: () => void;
  /** Consumes again after `pause`. */
  readonly resume: () => void;
  /** Cancels the subscription, settles and acknowledges what is held, closes. Bounded by `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
}

/** Two: one is parsed and folded while Redis applies the other. */
const BATCHES_IN_FLIGHT = 2;
const CANCEL_TIMEOUT_MS = 2_000;
const PROBE_BACKOFF = { baseMs: 100, capMs: 5_000 };

/** One subscription, from consume to the loss of its link. */
interface Subscription {
  readonly held: HeldDeliveries;
  start(): Promise<void>;
  /** Cancels, then settles and acknowledges what was taken. */
  drain(): Promise<void>;
  /** The link is gone: nothing is acknowledged any more, and waiting retries are given up. */
  abandon(): void;
}

/** What one consumer's links share. */
interface Following {
  readonly options: ConsumerOptions;
  readonly deps: ConsumerDeps;
  readonly gate: Gate;
  /** Of the newest link. */
  subscription: Subscription | undefined;
}

/** Starts consuming, or paused; goes on over losses of RabbitMQ and of Redis until it is drained. */
export function startConsumer(options: ConsumerOptions, deps: ConsumerDeps): Consumer {
  const { logger } = deps;
  const stopping = new AbortController();
  const gate = createGate(options.paused !== true);
  const following: Following = { options, deps, gate, subscription: undefined };
  let linkEnd = new AbortController();

  const setup = async (link: RabbitLink): Promise<void> => {
    const channel = await openChannel(link, options);
    linkEnd = new AbortController();
    const signal = AbortSignal.any([linkEnd.signal, stopping.signal]);
    // Not awaited: a set-up is bounded in time, the absence of Redis is not, and neither is a pause.
    followGate(following, { link, channel, signal }).catch((error: unknown) => {
      giveUp(link, error, deps);
    });
  };

  const session = startRabbitSession({
    url: options.rabbitmqUrl,
    name: 'pulse ingest',
    logger,
    setup,
    onLost: () => {
      linkEnd.abort();
      following.subscription?.abandon();
      following.subscription = undefined;
      deps.onState('waiting');
    },
    onFatal: deps.onFatal,
  });

  return {
    get held() {
      return following.subscription?.held ?? NOTHING_HELD;
    },
    pause: gate.shut,
    resume: gate.open,
    async drain(timeoutMs) {
      const finish = async (): Promise<void> => {
        await following.subscription?.drain();
      };
      const finished = finish().catch((error: unknown) => {
        logger.warn({ err: error }, 'drain incomplete; the rest will be redelivered');
      });
      await waitAtMost(timeoutMs, finished);
      stopping.abort();
      await session.close();
    },
  };
}

interface OpenedLink {
  readonly link: RabbitLink;
  readonly channel: Channel;
  /** Aborted when the link is lost or the consumer is drained. */
  readonly signal: AbortSignal;
}

/** Consumes while the gate is open, until the link is lost or the consumer is drained. */
async function followGate(following: Following, opened: OpenedLink): Promise<void> {
  const { options, deps, gate } = following;
  const { link, signal } = opened;
  const isOver = (): boolean => signal.aborted;
  for (let { channel } = opened; ; channel = await openChannel(link, options)) {
    if (!gate.isOpen) deps.onState('paused');
    await gate.until(true, signal);
    if (isOver()) return;
    await consumeWhenRedisIsReady(following, { link, channel, signal });
    await gate.until(false, signal);
    // A drain of the consumer looks after the subscription by itself.
    if (isOver()) return;
    await following.subscription?.drain();
    // By now it may be another link's.
    if (isOver()) return;
    following.subscription = undefined;
    // Not used again: whatever it still holds goes back with it, and is not acknowledged together with
    // what comes later.
    await link.closeChannel(channel);
  }
}

/** Redis is asked before each subscription: deliveries that nobody can count would only be returned. */
async function consumeWhenRedisIsReady(following: Following, opened: OpenedLink): Promise<void> {
  const { options, deps, gate } = following;
  const { link, channel, signal } = opened;
  const isWanted = (): boolean => link.alive && !signal.aborted && gate.isOpen;
  for (let attempt = 0; isWanted(); attempt++) {
    const isReady = await isRedisReady(deps);
    if (isReady && isWanted()) {
      const subscription = createSubscription(link, channel, { options, deps });
      following.subscription = subscription;
      await subscription.start();
      if (isWanted()) deps.onState('consuming');
      return;
    }
    await sleep(backoffDelayMs(attempt, PROBE_BACKOFF), signal);
  }
}

async function openChannel(link: RabbitLink, { prefetch }: ConsumerOptions): Promise<Channel> {
  try {
    const channel = await link.createChannel();
    await channel.prefetch(prefetch);
    return channel;
  } catch (cause) {
    throw new TransientError('PULSE_RABBIT_UNREACHABLE', 'RabbitMQ opened no channel.', { cause });
  }
}

async function isRedisReady({ probe, logger }: ConsumerDeps): Promise<boolean> {
  try {
    await probe();
    return true;
  } catch (error) {
    if (!(error instanceof PulseError) || !error.retryable) throw error;
    logger.warn({ err: error }, 'redis cannot take pulses; not consuming');
    return false;
  }
}

/** What passes by itself costs the link, so that all it held is redelivered; anything else stops the process. */
function giveUp(link: RabbitLink, error: unknown, { onFatal }: ConsumerDeps): void {
  const failure = error instanceof Error ? error : new Error('unknown', { cause: error });
  const passing = (error instanceof PulseError && error.retryable) || !link.alive;
  if (passing) link.fail(failure);
  else onFatal(failure);
}

/** Every failure of a batch gives the link up, so that all it held is delivered again. */
function createSubscription(
  link: RabbitLink,
  channel: Channel,
  { options, deps }: { options: ConsumerOptions; deps: ConsumerDeps },
): Subscription {
  const abandoning = new AbortController();
  const keyTables = createKeyTables(options.batch.shards);
  /** In the order of delivery, which is that of acknowledgement. */
  const heldBatches: Batch[] = [];
  const batcher = createBatcher<Delivery, Batch>(
    {
      openBatch() {
        const batch = new Batch(options.batch, keyTables);
        heldBatches.push(batch);
        return batch;
      },
      async settle(batch) {
        deps.onStep?.('taken');
        const settle = () => settleBatch(batch, { ...deps, signal: abandoning.signal });
        const counts = await (deps.aroundBatch === undefined
          ? settle()
          : deps.aroundBatch(batch, settle));
        deps.onCounts(counts);
        if (deps.logger.isLevelEnabled('debug')) {
          // Tags are per channel: both together name a batch of this thread.
          const batchId = `${link.generation}.${batch.lastDelivery?.fields.deliveryTag ?? 0}`;
          deps.logger.debug({ batchId, ...counts }, 'batch settled');
        }
      },
      acknowledge(batch) {
        // Delivery tags of a lost link are void, and would close the next channel.
        if (!link.alive || batch.lastDelivery === undefined) return;
        channel.ack(batch.lastDelivery, true);
        heldBatches.shift();
        deps.onCounts({
          ...noCounts(),
          ackLagSeconds: [(Date.now() - batch.receivedAtMs) / 1000],
        });
        deps.onStep?.('acknowledged');
      },
      onFailure(error) {
        giveUp(link, error, deps);
      },
      now: Date.now,
    },
    { lingerMs: options.batchLingerMs, inFlightMax: BATCHES_IN_FLIGHT },
  );
  let consumerTag: string | undefined;
  return {
    get held() {
      return heldOf(heldBatches);
    },
    async start() {
      const consumer = await channel.consume(options.queue, (message) => {
        if (message !== null) batcher.add(message);
        else link.fail(new TransientError('PULSE_RABBIT_UNREACHABLE', 'The broker cancelled us.'));
      });
      consumerTag = consumer.consumerTag;
    },
    async drain() {
      // RabbitMQ leaves it unanswered while the queue has no leader; what comes nevertheless is not taken.
      if (consumerTag !== undefined) {
        await waitAtMost(CANCEL_TIMEOUT_MS, channel.cancel(consumerTag));
      }
      await batcher.drain();
    },
    abandon() {
      batcher.abandon();
      abandoning.abort();
    },
  };
}

function heldOf(batches: readonly Batch[]): HeldDeliveries {
  const [first] = batches;
  if (first === undefined) return NOTHING_HELD;
  return {
    deliveries: batches.reduce((sum, { deliveries }) => sum + deliveries.count, 0),
    oldestSentAtMs: Math.min(...batches.map(({ oldestSentAtMs }) => oldestSentAtMs)),
    oldestReceivedAtMs: first.receivedAtMs,
  };
}

/**
 * One consumer of the queue of pulses, across lost connections and pauses.
 *
 * States:
 * - `waiting`: RabbitMQ or Redis is unavailable; it consumes and holds nothing.
 * - `consuming`: it holds at most `prefetch` deliveries, all of them unacknowledged at the broker.
 * - `full`: it holds too many refused deliveries, because dead letters cannot be published; it takes nothing more until
 *   they can, and goes back to `consuming`.
 * - `paused`: by a person; it stays connected, and consumes and holds nothing.
 * - `closed`: drained or timed out; RabbitMQ redelivers what was not acknowledged.
 * A batch that cannot be settled fails the connection and leads from `consuming` to `waiting`.
 */
import type { Channel } from 'amqplib';
import { TransientError } from '../core/errors.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import { createDeliveryFilter, NO_FILTER } from '../platform/delivery-filter.ts';
import { createOutageLog, type OutageLog } from '../platform/outage-log.ts';
import { startRabbitSession, type RabbitLink } from '../platform/rabbit.ts';
import { createPauseSwitch } from './pause-switch.ts';
import {
  createSubscription,
  type Subscription,
  type SubscriptionDeps,
  type SubscriptionOptions,
} from './subscription.ts';
import { NOTHING_HELD, type HeldDeliveries, type ThreadState } from './thread-messages.ts';

export interface ConsumerOptions extends SubscriptionOptions {
  readonly rabbitmqUrl: string;
  /** Cut deliveries out of what arrives, before amqplib reads it. */
  readonly deliveryFilter: boolean;
  /** Start without consuming; `resume` starts it. */
  readonly paused?: boolean;
}

export interface ConsumerDeps extends SubscriptionDeps {
  /** Resolves when Redis can take a batch; called before each subscription. */
  readonly probe: () => Promise<void>;
  readonly onState: (state: ThreadState) => void;
  /** The state is in doubt: the process must stop. */
  readonly onFatal: (error: Error) => void;
}

export interface Consumer {
  /** What is unacknowledged now. */
  readonly held: HeldDeliveries;
  /** Cancels the subscription, settles and acknowledges what is held, and stays connected. */
  readonly pause: () => void;
  /** Consumes again after `pause`. */
  readonly resume: () => void;
  /** Cancels the subscription, settles and acknowledges what is held, and closes, within `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
}

const PROBE_BACKOFF = { baseMs: 100, capMs: 5_000 };

/** Starts consuming, or paused; reconnects until it is drained. */
export function startConsumer(options: ConsumerOptions, deps: ConsumerDeps): Consumer {
  const stopping = new AbortController();
  const pauseSwitch = createPauseSwitch(options.paused === true);
  const outage = logRedisOutages(deps.logger);
  let linkEnd = new AbortController();
  /** The newest link's. */
  let subscription: Subscription | undefined;

  /** Consumes while not paused, until the link is lost or the consumer is drained: then `signal` aborts. */
  const consume = async (link: RabbitLink, first: Channel, signal: AbortSignal): Promise<void> => {
    const isOver = (): boolean => signal.aborted;
    const isWanted = (): boolean => link.alive && !isOver() && !pauseSwitch.isPaused;
    const filter = options.deliveryFilter ? createDeliveryFilter(link.connection) : NO_FILTER;
    for (let channel = first; ; channel = await openChannel(link, options.prefetch)) {
      if (pauseSwitch.isPaused) deps.onState('paused');
      await pauseSwitch.until({ paused: false }, signal);
      if (isOver()) return;
      if (await untilRedisIsReady({ ...deps, outage }, isWanted, signal)) {
        subscription = createSubscription({ link, channel, filter }, options, {
          ...deps,
          onFailure: failureOf(link),
          onFull: noteFull(isWanted, deps),
        });
        await subscription.start();
        if (isWanted()) deps.onState('consuming');
      }
      await pauseSwitch.until({ paused: true }, signal);
      // `drain` below takes care of the subscription.
      if (isOver()) return;
      await subscription?.drain();
      // By now it may be another link's.
      if (isOver()) return;
      subscription = undefined;
      // Not reused: what the channel still holds is redelivered, and never acknowledged with later deliveries.
      await link.closeChannel(channel);
    }
  };

  const failureOf = (link: RabbitLink) => (error: unknown) => {
    fail(link, error, deps);
  };
  const session = startRabbitSession({
    url: options.rabbitmqUrl,
    name: 'pulse ingest',
    logger: deps.logger,
    setup: async (link) => {
      const channel = await openChannel(link, options.prefetch);
      linkEnd = new AbortController();
      const signal = AbortSignal.any([linkEnd.signal, stopping.signal]);
      // Not awaited: a set-up has a time limit, an outage of Redis and a pause have none.
      consume(link, channel, signal).catch(failureOf(link));
    },
    onLost: () => {
      linkEnd.abort();
      subscription?.abandon();
      subscription = undefined;
      deps.onState('waiting');
    },
    onFatal: deps.onFatal,
  });

  return {
    get held() {
      return subscription?.held ?? NOTHING_HELD;
    },
    pause: pauseSwitch.pause,
    resume: pauseSwitch.resume,
    async drain(timeoutMs) {
      const drained = Promise.resolve(subscription?.drain()).catch((error: unknown) => {
        deps.logger.warn({ err: error }, 'drain incomplete; the rest will be redelivered');
      });
      await waitAtMost(timeoutMs, drained);
      stopping.abort();
      await session.close();
    },
  };
}

async function openChannel(link: RabbitLink, prefetch: number): Promise<Channel> {
  try {
    const channel = await link.createChannel();
    await channel.prefetch(prefetch);
    return channel;
  } catch (cause) {
    throw new TransientError('PULSE_RABBIT_UNREACHABLE', 'RabbitMQ opened no channel.', { cause });
  }
}

/**
 * Deliveries that cannot be counted would only be returned, so Redis is asked first, again and again.
 *
 * @returns False when consuming is not wanted any more.
 */
async function untilRedisIsReady(
  { probe, outage }: Pick<ConsumerDeps, 'probe'> & { readonly outage: OutageLog },
  isWanted: () => boolean,
  signal: AbortSignal,
): Promise<boolean> {
  for (let attempt = 0; isWanted(); attempt++) {
    try {
      await probe();
      outage.ended();
      return isWanted();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      outage.failed(error);
    }
    await sleep(backoffDelayMs(attempt, PROBE_BACKOFF), signal);
  }
  return false;
}

function logRedisOutages(logger: ConsumerDeps['logger']): OutageLog {
  return createOutageLog({
    logger,
    facts: {},
    failedText: 'redis cannot take pulses; not consuming',
    endedText: 'redis takes pulses again',
  });
}

/** Reports that the subscription takes nothing more for now, and that it continues. */
function noteFull(
  isWanted: () => boolean,
  { onState, logger }: Pick<ConsumerDeps, 'onState' | 'logger'>,
): (isFull: boolean) => void {
  return (isFull) => {
    if (!isWanted()) return;
    onState(isFull ? 'full' : 'consuming');
    if (isFull) logger.error('too many refused pulses are held; not consuming');
    else logger.info('consuming again');
  };
}

/** Transient errors close the connection, so that all it held is redelivered; any other error stops the process. */
function fail(link: RabbitLink, error: unknown, { onFatal }: Pick<ConsumerDeps, 'onFatal'>): void {
  const failure = error instanceof Error ? error : new Error('unknown', { cause: error });
  if (error instanceof TransientError || !link.alive) link.fail(failure);
  else onFatal(failure);
}

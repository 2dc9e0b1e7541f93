/**
 * Consumes the queues of some handlers on one connection, a channel for each queue.
 *
 * States:
 * - `waiting`: RabbitMQ is unavailable; nothing is held.
 * - `consuming`: at most `prefetch` messages of each queue are in progress, all unacknowledged, and not many more than
 *   16 MiB of all queues together: the connection is not read while there are more.
 * - `paused`: Postgres is unavailable; what is in progress waits and is tried again, and the broker
 *   delivers nothing more. After 20 minutes it goes back to the broker, before RabbitMQ closes the channel after 30.
 *   In RabbitMQ 3, a delivery that goes back counts towards the delivery limit, however it does. So nothing is
 *   consumed until Postgres has answered, and an outage counts once, whatever else is lost meanwhile.
 * - `closed`: what was not acknowledged is delivered to another process.
 */
import { setMaxListeners } from 'node:events';
import type { Channel, ConsumeMessage } from 'amqplib';
import { toError, TransientError, type PulseError } from '../core/errors.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import { createOutageLog } from '../platform/outage-log.ts';
import { withTransaction } from '../platform/postgres.ts';
import { startRabbitSession, type RabbitLink } from '../platform/rabbit.ts';
import { createReadGate } from '../platform/read-gate.ts';
import { createAcknowledgements } from './acknowledgements.ts';
import type { BatchHandler } from './handle-batch.ts';
import type { MessageHandler } from './handler.ts';
import { createHeldBytes } from './held-bytes.ts';
import { probeInbox } from './inbox.ts';
import { BATCH_MESSAGES_MAX, createBatches, type DeliveryTaker } from './settle-batches.ts';
import {
  inLargeTurn,
  isLarge,
  settleMessage,
  type Progress,
  type SettleDeps,
  type Subscription,
} from './settle-message.ts';

export interface ConsumerDeps extends Omit<SettleDeps, 'signal' | 'heldMsMax'> {
  readonly url: string;
  readonly handlers: readonly MessageHandler[];
  /** Messages of one queue in progress at a time. */
  readonly prefetch?: number;
  readonly heldMsMax?: number;
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
/** Below the 30 minutes after which RabbitMQ closes a channel with unacknowledged deliveries. */
const HELD_MS_MAX = 20 * 60_000;
const PROBE_BACKOFF = { baseMs: 100, capMs: 5_000 };

/** Starts consuming; reconnects until it is closed. */
export function startMessageConsumer(deps: ConsumerDeps): MessageConsumer {
  const stopping = createStop();
  const shared: Shared = {
    deps,
    signal: stopping.signal,
    progress: { heldCount: 0, largeDone: Promise.resolve() },
    works: new Set(),
    held: createHeldBytes(HELD_BYTES_MAX),
    consumerTags: new Map(),
  };
  const { progress, works, held, consumerTags } = shared;
  /** Aborted when no consumer may be started any more. */
  const closing = new AbortController();
  let state: MessageConsumer['state'] = 'waiting';

  async function consume(link: RabbitLink, starts: readonly (() => Promise<void>)[]) {
    const isWanted = () => link.alive && !closing.signal.aborted;
    if (!(await untilPostgresAnswers(deps, isWanted, closing.signal))) return;
    // All at once: until the last of them is confirmed, the first ones hold what comes without a bound.
    await Promise.all(starts.map((start) => start()));
    if (!link.alive) return;
    held.bound(createReadGate(link.connection));
    state = 'consuming';
  }

  const session = startRabbitSession({
    url: deps.url,
    name: 'pulse messages',
    logger: deps.logger,
    async setup(link) {
      const starts: (() => Promise<void>)[] = [];
      for (const handler of deps.handlers) {
        starts.push(await prepareToConsume(handler, link, shared));
      }
      if (link.alive) state = 'paused';
      // Not awaited: a set-up has a time limit, an outage of Postgres has none.
      consume(link, starts).catch((error: unknown) => {
        link.fail(toError(error));
      });
    },
    onLost() {
      consumerTags.clear();
      if (state !== 'closed') state = 'waiting';
    },
    onFatal: deps.onFatal,
  });

  return {
    get state() {
      return state === 'consuming' && progress.heldCount > 0 ? 'paused' : state;
    },
    async close(timeoutMs) {
      closing.abort();
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

/** What the channels of a consumer share. */
interface Shared {
  readonly deps: ConsumerDeps;
  /** Aborted when the process must stop. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** What is in progress: one promise for each delivery, or for all those of a queue that are handled in batches. */
  readonly works: Set<Promise<void>>;
  /** Of lost connections too: their messages stay until what handles them has ended. */
  readonly held: ReturnType<typeof createHeldBytes>;
  readonly consumerTags: Map<Channel, string>;
}

/** @returns What starts it. */
async function prepareToConsume(
  handler: MessageHandler,
  link: RabbitLink,
  { deps, signal, progress, works, held, consumerTags }: Shared,
): Promise<() => Promise<void>> {
  const { queue } = handler.binding;
  const channel = await link.createChannel();
  // What does not exist must fail the set-up.
  await channel.checkQueue(queue);
  await channel.prefetch(isBatchHandler(handler) ? BATCH_PREFETCH : (deps.prefetch ?? PREFETCH));
  const acknowledgements = createAcknowledgements<ConsumeMessage>((delivery, allUpTo) => {
    // Delivery tags of a lost link are void, and would close the next channel.
    if (link.alive) channel.ack(delivery, allUpTo);
  });
  const settleDeps = { heldMsMax: HELD_MS_MAX, ...deps, signal };
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

/** @returns False when consuming is not wanted any more. */
async function untilPostgresAnswers(
  { pool, logger }: Pick<ConsumerDeps, 'pool' | 'logger'>,
  isWanted: () => boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const outage = createOutageLog({
    logger,
    facts: {},
    failedText: 'postgres takes no writes; consuming no messages',
    endedText: 'postgres takes writes again; consuming messages',
  });
  for (let attempt = 0; isWanted(); attempt++) {
    try {
      await withTransaction(pool, probeInbox);
      outage.ended();
      return isWanted();
    } catch (error) {
      outage.failed(error);
    }
    await sleep(backoffDelayMs(attempt, PROBE_BACKOFF), signal);
  }
  return false;
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

/** One subscription to the queue of pulses: its deliveries become batches, which are settled and acknowledged in order. */
import { setMaxListeners } from 'node:events';
import type { Channel } from 'amqplib';
import { TransientError } from '../core/errors.ts';
import type { DeliveryFilter } from '../platform/delivery-filter.ts';
import type { Logger } from '../platform/logger.ts';
import type { RabbitLink } from '../platform/rabbit.ts';
import { createBatchOpener, type Batch, type BatchOptions, type Delivery } from './batch.ts';
import { createBatcher, type Batcher } from './batcher.ts';
import { createConsumption } from './consumption.ts';
import {
  createRefusedDeliveries,
  type RefusedDeliveries,
  type RefusedDeps,
} from './refused-deliveries.ts';
import { settleBatch, type SettleDeps } from './settle-batch.ts';
import {
  noCounts,
  NOTHING_HELD,
  type HeldDeliveries,
  type IngestCounts,
} from './thread-messages.ts';
import type { AroundBatch } from './trace-batches.ts';

export interface SubscriptionOptions {
  readonly queue: string;
  readonly prefetch: number;
  readonly batchLingerMs: number;
  readonly batch: BatchOptions;
}

export interface SubscriptionDeps extends Omit<SettleDeps, 'signal' | 'refused'>, RefusedDeps {
  readonly logger: Logger;
  readonly onCounts: (counts: IngestCounts) => void;
  /** Called around the settling of each batch, to trace it. */
  readonly aroundBatch: AroundBatch;
}

export interface Subscription {
  readonly held: HeldDeliveries;
  start(): Promise<void>;
  /** Cancels, then settles and acknowledges what was taken, except for refused deliveries that stay held. */
  drain(): Promise<void>;
  /** The link is lost: acknowledges nothing more, and stops retrying. */
  abandon(): void;
}

/** Two: one is parsed and folded while Redis applies the other. */
const BATCHES_IN_FLIGHT = 2;
/** How long a drain waits for dead letters that could not be published so far; then their deliveries are returned. */
const DRAIN_HELD_MS = 3_000;

interface SubscriptionLink {
  readonly link: RabbitLink;
  /** Of this subscription alone, and new. */
  readonly channel: Channel;
  readonly filter: DeliveryFilter;
}

type OwnDeps = SubscriptionDeps & { readonly onFailure: (error: unknown) => void };

/**
 * @param deps.onFailure Called when a batch cannot be settled.
 * @param deps.onFull Called with true when it stops taking deliveries, because it holds too many refused ones; with
 * false when it takes them again.
 */
export function createSubscription(
  { link, channel, filter }: SubscriptionLink,
  options: SubscriptionOptions,
  deps: OwnDeps & { readonly onFull: (isFull: boolean) => void },
): Subscription {
  const abandoning = new AbortController();
  const { signal } = abandoning;
  // Every dead letter that waits for its next attempt listens to it, far more than Node expects.
  setMaxListeners(0, signal);
  const refused = createRefusedDeliveries(deps, {
    channel,
    isOpen: () => link.alive,
    heldMax: Math.floor(options.prefetch / 2),
    signal,
    onFullChange: () => {
      consumption.follow();
    },
    onFailure: deps.onFailure,
  });
  const { batcher, heldBatches } = createBatches({ link, refused, signal }, options, deps);
  const consumption = createConsumption(channel, {
    queue: options.queue,
    filter,
    isWanted: () => !refused.isFull,
    onDelivery: (message) => {
      if (message !== null) batcher.add(message);
      else link.fail(new TransientError('PULSE_RABBIT_UNREACHABLE', 'The broker cancelled us.'));
    },
    onFailure: deps.onFailure,
    onChange: (isConsuming) => {
      deps.onFull(!isConsuming);
    },
  });
  return {
    get held() {
      return heldOf(heldBatches, refused.heldCount);
    },
    start: () => consumption.start(),
    async drain() {
      await consumption.end();
      await batcher.drain();
      await refused.untilNoneIsHeld(DRAIN_HELD_MS);
      abandoning.abort();
    },
    abandon() {
      batcher.abandon();
      abandoning.abort();
    },
  };
}

/** The batcher, and the batches that it has not acknowledged. */
function createBatches(
  { link, refused, signal }: { link: RabbitLink; refused: RefusedDeliveries; signal: AbortSignal },
  options: SubscriptionOptions,
  deps: OwnDeps,
): { batcher: Batcher<Delivery>; heldBatches: readonly Batch[] } {
  const openBatch = createBatchOpener(options.batch, deps.admission);
  /** In delivery order, which is also the order of acknowledgement. */
  const heldBatches: Batch[] = [];
  const batcher = createBatcher<Delivery, Batch>(
    {
      openBatch() {
        const batch = openBatch();
        heldBatches.push(batch);
        return batch;
      },
      async settle(batch) {
        deps.onStep('taken');
        const counts = await deps.aroundBatch(batch, () =>
          settleBatch(batch, { ...deps, refused, signal }),
        );
        deps.onCounts(counts);
        // Delivery tags are per channel; with the generation they identify a batch of this thread.
        const batchId = `${link.generation}.${batch.deliveryTags.at(-1) ?? 0}`;
        const facts = { batchId, ...counts, unsubscribedUsages: undefined };
        deps.logger.debug(facts, 'batch settled');
      },
      acknowledge(batch) {
        // Delivery tags of a lost link are invalid, and would close the next channel.
        if (!link.alive) return;
        refused.acknowledge(batch.deliveryTags);
        heldBatches.shift();
        const ackLagSeconds = [(Date.now() - batch.receivedAtMs) / 1000];
        deps.onCounts({ ...noCounts(), ackLagSeconds });
        deps.onStep('acknowledged');
      },
      onFailure: deps.onFailure,
      now: Date.now,
    },
    { lingerMs: options.batchLingerMs, inFlightMax: BATCHES_IN_FLIGHT },
  );
  return { batcher, heldBatches };
}

function heldOf(batches: readonly Batch[], refused: number): HeldDeliveries {
  const [first] = batches;
  if (first === undefined) return { ...NOTHING_HELD, deliveries: refused, refused };
  return {
    deliveries: refused + batches.reduce((sum, { deliveries }) => sum + deliveries.count, 0),
    refused,
    oldestSentAtMs: Math.min(...batches.map(({ oldestSentAtMs }) => oldestSentAtMs)),
    oldestReceivedAtMs: first.receivedAtMs,
  };
}

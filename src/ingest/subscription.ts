/** One subscription to the queue of pulses: its deliveries become batches, which are settled and acknowledged in order. */
import type { Channel } from 'amqplib';
import { TransientError } from '../core/errors.ts';
import { waitAtMost } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import type { RabbitLink } from '../platform/rabbit.ts';
import { createBatchOpener, type Batch, type BatchOptions, type Delivery } from './batch.ts';
import { createBatcher } from './batcher.ts';
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
  readonly batchLingerMs: number;
  readonly batch: BatchOptions;
}

export interface SubscriptionDeps extends Omit<SettleDeps, 'signal'> {
  readonly logger: Logger;
  readonly onCounts: (counts: IngestCounts) => void;
  /** Called around the settling of each batch, to trace it. */
  readonly aroundBatch: AroundBatch;
}

export interface Subscription {
  readonly held: HeldDeliveries;
  start(): Promise<void>;
  /** Cancels, then settles and acknowledges what was taken. */
  drain(): Promise<void>;
  /** The link is lost: acknowledges nothing more, and stops retrying. */
  abandon(): void;
}

/** Two: one is parsed and folded while Redis applies the other. */
const BATCHES_IN_FLIGHT = 2;
const CANCEL_TIMEOUT_MS = 2_000;

/** @param onFailure Called once, when a batch cannot be settled. */
export function createSubscription(
  { link, channel }: { readonly link: RabbitLink; readonly channel: Channel },
  options: SubscriptionOptions,
  deps: SubscriptionDeps & { readonly onFailure: (error: unknown) => void },
): Subscription {
  const abandoning = new AbortController();
  const openBatch = createBatchOpener(options.batch);
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
          settleBatch(batch, { ...deps, signal: abandoning.signal }),
        );
        deps.onCounts(counts);
        if (deps.logger.isLevelEnabled('debug')) {
          // Delivery tags are per channel; with the generation they identify a batch of this thread.
          const batchId = `${link.generation}.${batch.lastDelivery?.fields.deliveryTag ?? 0}`;
          deps.logger.debug({ batchId, ...counts }, 'batch settled');
        }
      },
      acknowledge(batch) {
        // Delivery tags of a lost link are invalid, and would close the next channel.
        if (!link.alive || batch.lastDelivery === undefined) return;
        channel.ack(batch.lastDelivery, true);
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
      // RabbitMQ does not answer while the queue has no leader. The batcher ignores what it still delivers.
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

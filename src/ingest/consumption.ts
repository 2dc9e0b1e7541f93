/** The consumer of one channel, which is cancelled while no deliveries are wanted. One change at a time. */
import type { Channel } from 'amqplib';
import { waitAtMost } from '../platform/backoff.ts';
import type { DeliveryFilter } from '../platform/delivery-filter.ts';
import type { Delivery } from './batch.ts';

export interface ConsumptionOptions {
  readonly queue: string;
  readonly filter: DeliveryFilter;
  readonly isWanted: () => boolean;
  readonly onDelivery: (message: Delivery | null) => void;
  readonly onFailure: (error: unknown) => void;
  /** Called after `follow` has started or cancelled the consumer. */
  readonly onChange: (isConsuming: boolean) => void;
}

export interface Consumption {
  start(): Promise<void>;
  /** Consumes, or stops consuming, as is wanted now. */
  follow(): void;
  /** Cancels the consumer for good. */
  end(): Promise<void>;
}

const CANCEL_TIMEOUT_MS = 2_000;

export function createConsumption(channel: Channel, options: ConsumptionOptions): Consumption {
  const follow = options.filter.watch(channel);
  let consumerTag: string | undefined;
  let hasEnded = false;
  let changing: Promise<void> = Promise.resolve();
  const start = async (): Promise<void> => {
    ({ consumerTag } = await channel.consume(options.queue, options.onDelivery));
    follow(consumerTag);
  };
  const cancel = async (): Promise<void> => {
    if (consumerTag === undefined) return;
    const cancelled = channel.cancel(consumerTag);
    consumerTag = undefined;
    // RabbitMQ does not answer while the queue has no leader. The batcher ignores what it still delivers.
    await waitAtMost(CANCEL_TIMEOUT_MS, cancelled);
  };
  const isConsuming = (): boolean => consumerTag !== undefined;
  const change = async (): Promise<void> => {
    const isWanted = options.isWanted() && !hasEnded;
    if (isWanted === isConsuming()) return;
    await (isWanted ? start() : cancel());
    options.onChange(isConsuming());
  };
  return {
    async start(): Promise<void> {
      const starting = start();
      changing = starting.catch(() => undefined);
      await starting;
    },
    follow(): void {
      changing = changing.then(change).catch(options.onFailure);
    },
    async end(): Promise<void> {
      hasEnded = true;
      await changing;
      await cancel();
    },
  };
}

/** What a publisher can be told, and what it does otherwise. */
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import type { PulseError } from '../core/errors.ts';
import type { Logger } from '../platform/logger.ts';

export interface PublisherOptions {
  readonly url: string;
  readonly logger: Logger;
  /** Shown by RabbitMQ beside the connection. */
  readonly name?: string;
  /** At most this many publications are sent and not confirmed yet; further ones wait. */
  readonly maxOutstanding?: number;
  /** At most this many bytes of bodies are sent and not confirmed yet, except for a single larger body. */
  readonly maxOutstandingBytes?: number;
  /** At most this many publications wait; further ones are refused at once. */
  readonly maxWaiting?: number;
  /** If a confirm takes longer, the connection is closed. */
  readonly confirmTimeoutMs?: number;
  /** A publication that waits for longer, for room or for a connection, is refused. */
  readonly waitTimeoutMs?: number;
  /** If the broker blocks for longer, publications fail. */
  readonly blockedTimeoutMs?: number;
  /** Runs on every new connection before the first publication, for example to declare the topology. */
  readonly prepare?: (connection: ChannelModel) => Promise<void>;
  /** Runs on every new channel before the first publication, for example to consume the answers to publications. */
  readonly prepareChannel?: (channel: ConfirmChannel) => Promise<void>;
  /** The publisher has ended for good, because `prepare` threw an error that is not retryable. */
  readonly onFatal?: (error: PulseError) => void;
}

export const PUBLISHER_DEFAULTS = {
  name: 'pulse publisher',
  maxOutstanding: 1_000,
  maxOutstandingBytes: 64 * 1024 * 1024,
  maxWaiting: 100_000,
  confirmTimeoutMs: 30_000,
  waitTimeoutMs: 30_000,
  blockedTimeoutMs: 10_000,
};

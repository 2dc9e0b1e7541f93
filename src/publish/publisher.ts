/** The only way in which Pulse publishes: persistent, mandatory, confirmed, on its own connection. */
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { TransientError, type PulseError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';
import type { Logger } from '../platform/logger.ts';
import { startRabbitSession, type RabbitLink, type RabbitSession } from '../platform/rabbit.ts';
import { blockedTooLong, toOptions, unconfirmed, unroutable, unsendable } from './amqp-terms.ts';
import { Outstanding, type Pending } from './outstanding.ts';

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

/**
 * A publisher is, in turn:
 * - `connecting`: publications wait, limited in number and time;
 * - `open`: publications are sent while the limits allow it and the channel's buffer drains;
 * - `blocked`: the broker has stopped reading; publications wait, and fail after a time;
 * - `closing`: new publications are refused, accepted ones are finished;
 * - `closed`: for good; nothing is pending.
 */
export interface Publisher {
  readonly state: 'connecting' | 'open' | 'blocked' | 'closing' | 'closed';
  /** Publications sent and not confirmed yet. */
  readonly outstandingCount: number;
  /** Resolves when connected, at once if it is; rejects if it is closed before. */
  readonly ready: Promise<void>;
  /**
   * Publishes once, and resolves when the broker has stored it in a queue.
   *
   * @throws TransientError PULSE_PUBLISH_UNCONFIRMED or PULSE_RABBIT_BLOCKED: it may have been published, so repeat it
   * with the same id. PULSE_PUBLISH_UNROUTABLE: no queue is bound. PULSE_PUBLISH_BUSY, PULSE_RABBIT_UNREACHABLE: it
   * waited too long and was not sent.
   * @throws RejectedError PULSE_PUBLISH_INVALID a property cannot be encoded.
   */
  publish(publication: Publication): Promise<void>;
  /** Waits at most `timeoutMs` for accepted publications, fails the rest, and closes the connection. */
  close(timeoutMs?: number): Promise<void>;
}

/** Connects in the background, and reconnects until it is closed. */
export function createPublisher(options: PublisherOptions): Publisher {
  return new ConfirmedPublisher(options);
}

const DEFAULTS = {
  name: 'pulse publisher',
  maxOutstanding: 1_000,
  maxOutstandingBytes: 64 * 1024 * 1024,
  maxWaiting: 100_000,
  confirmTimeoutMs: 30_000,
  waitTimeoutMs: 30_000,
  blockedTimeoutMs: 10_000,
};
/** One timer for all publications: one for each would cost more than publishing. */
const SWEEP_INTERVAL_MS = 250;
const CLOSE_TIMEOUT_MS = 10_000;

class ConfirmedPublisher implements Publisher {
  readonly #options: typeof DEFAULTS & PublisherOptions;
  readonly #session: RabbitSession;
  readonly #sweeper: NodeJS.Timeout;
  /** Oldest first, like `#outstanding`: publications are only appended and removed. */
  readonly #waiting = new Set<Pending>();
  readonly #outstanding = new Outstanding();
  #link: RabbitLink | undefined;
  #channel: ConfirmChannel | undefined;
  #channelFull = false;
  #blockedSinceMs: number | undefined;
  #life: 'running' | 'closing' | 'closed' = 'running';
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PublisherOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#session = startRabbitSession({
      url: options.url,
      name: this.#options.name,
      logger: options.logger,
      setup: (link) => this.#setUp(link),
      onLost: (error) => {
        this.#channel = undefined;
        this.#outstanding.rejectAll(unconfirmed('The connection to RabbitMQ was lost.', error));
        this.#noticeIdle();
      },
      onBlockedChange: (blocked) => {
        this.#blockedSinceMs = blocked ? performance.now() : undefined;
        this.#admit();
      },
      onFatal: (error) => {
        this.#life = 'closed';
        this.#failWaiting(error);
        options.onFatal?.(error);
      },
    });
    this.#sweeper = setInterval(() => {
      this.#sweep();
    }, SWEEP_INTERVAL_MS).unref();
  }

  get state(): Publisher['state'] {
    if (this.#life !== 'running') return this.#life;
    if (this.#blockedSinceMs !== undefined) return 'blocked';
    return this.#channel === undefined ? 'connecting' : 'open';
  }

  get outstandingCount(): number {
    return this.#outstanding.count;
  }

  get ready(): Promise<void> {
    return this.#session.ready;
  }

  publish(publication: Publication): Promise<void> {
    return new Promise((resolve, reject) => {
      const sinceMs = performance.now();
      const pending = { publication, resolve, reject, sinceMs, returned: false };
      if (this.#life !== 'running') {
        reject(unconfirmed('The publisher is closed.'));
      } else if (this.#waiting.size === 0 && this.#hasPlace()) {
        this.#send(pending);
      } else if (this.#isBlockedTooLong(sinceMs)) {
        reject(blockedTooLong());
      } else if (this.#waiting.size >= this.#options.maxWaiting) {
        reject(new TransientError('PULSE_PUBLISH_BUSY', 'Too many publications are waiting.'));
      } else {
        this.#waiting.add(pending);
      }
    });
  }

  close(timeoutMs = CLOSE_TIMEOUT_MS): Promise<void> {
    this.#closing ??= this.#finish(timeoutMs);
    return this.#closing;
  }

  async #finish(timeoutMs: number): Promise<void> {
    if (this.#life === 'running') this.#life = 'closing';
    await this.#untilIdle(timeoutMs);
    this.#life = 'closed';
    clearInterval(this.#sweeper);
    this.#failWaiting(unconfirmed('The publisher was closed before it was sent.'));
    await this.#session.close();
  }

  async #setUp(link: RabbitLink): Promise<void> {
    await this.#options.prepare?.(link.connection);
    const { maxOutstanding } = this.#options;
    const channel = await link.createConfirmChannel({
      highWaterMark: Math.max(1024, maxOutstanding),
    });
    // Before amqplib's own listener, which calls every callback with an error: those must not send on this channel.
    channel.prependListener('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
    });
    channel.on('drain', () => {
      this.#channelFull = false;
      this.#admit();
    });
    channel.on('return', (message) => {
      this.#outstanding.markReturned(message);
    });
    await this.#options.prepareChannel?.(channel);
    this.#link = link;
    this.#channel = channel;
    this.#channelFull = false;
    this.#admit();
  }

  #hasPlace(): boolean {
    return (
      this.#channel !== undefined &&
      !this.#channelFull &&
      this.#blockedSinceMs === undefined &&
      this.#outstanding.count < this.#options.maxOutstanding &&
      this.#outstanding.bytes < this.#options.maxOutstandingBytes
    );
  }

  #admit(): void {
    if (this.#waiting.size === 0) return;
    const nowMs = performance.now();
    for (const pending of this.#waiting) {
      if (!this.#hasPlace()) return;
      this.#waiting.delete(pending);
      pending.sinceMs = nowMs;
      this.#send(pending);
    }
  }

  #send(pending: Pending): void {
    const { publication } = pending;
    const { exchange, routingKey, body } = publication;
    this.#outstanding.add(pending);
    try {
      const room = this.#channel?.publish(
        exchange,
        routingKey,
        body,
        toOptions(publication),
        (error: unknown) => {
          this.#settle(pending, error);
        },
      );
      if (room === false) this.#channelFull = true;
    } catch (error) {
      // Thrown before anything was written, so the channel's count of confirms stays correct.
      this.#outstanding.remove(pending);
      pending.reject(unsendable(error));
    }
  }

  #settle(pending: Pending, error: unknown): void {
    if (!this.#outstanding.remove(pending)) return;
    this.#outstanding.noteAnswer(error === null);
    if (error !== null) pending.reject(unconfirmed('RabbitMQ refused it.', error));
    else if (pending.returned) pending.reject(unroutable(pending.publication));
    else pending.resolve();
    this.#admit();
    this.#noticeIdle();
  }

  #sweep(): void {
    const nowMs = performance.now();
    const { confirmTimeoutMs, waitTimeoutMs } = this.#options;
    if (this.#isBlockedTooLong(nowMs)) {
      this.#outstanding.rejectAll(blockedTooLong());
      this.#failWaiting(blockedTooLong());
    }
    for (const pending of this.#waiting) {
      if (nowMs - pending.sinceMs < waitTimeoutMs) break;
      this.#waiting.delete(pending);
      pending.reject(this.#noPlace());
    }
    const stuck = this.#outstanding.whyStuck(nowMs, confirmTimeoutMs);
    if (stuck !== undefined) this.#link?.fail(unconfirmed(stuck));
    this.#admit();
    this.#noticeIdle();
  }

  #isBlockedTooLong(nowMs: number): boolean {
    const sinceMs = this.#blockedSinceMs;
    return sinceMs !== undefined && nowMs - sinceMs >= this.#options.blockedTimeoutMs;
  }

  #noPlace(): TransientError {
    return this.#channel === undefined
      ? new TransientError('PULSE_RABBIT_UNREACHABLE', 'RabbitMQ could not be reached in time.')
      : new TransientError('PULSE_PUBLISH_BUSY', 'The publication waited too long to be sent.');
  }

  #failWaiting(error: PulseError): void {
    const failed = [...this.#waiting];
    this.#waiting.clear();
    for (const pending of failed) pending.reject(error);
  }

  #noticeIdle(): void {
    if (this.#onIdle === undefined) return;
    if (this.#outstanding.count === 0 && this.#waiting.size === 0) this.#onIdle();
  }

  async #untilIdle(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#noticeIdle();
    });
  }
}

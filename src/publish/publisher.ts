/** The only way in which Pulse publishes: persistent, mandatory, confirmed, on its own connection. */
import type { ConfirmChannel } from 'amqplib';
import { TransientError, type PulseError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';
import { startRabbitSession, type RabbitLink, type RabbitSession } from '../platform/rabbit.ts';
import {
  blockedTooLong,
  noExchange,
  refused,
  toOptions,
  unconfirmed,
  unroutable,
  unsendable,
} from './amqp-terms.ts';
import { MissingExchanges } from './missing-exchanges.ts';
import { Outstanding, type Pending } from './outstanding.ts';
import { PUBLISHER_DEFAULTS, type PublisherOptions } from './publisher-options.ts';

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
   * with the same id. PULSE_PUBLISH_REFUSED, PULSE_PUBLISH_NO_EXCHANGE, PULSE_PUBLISH_UNROUTABLE: so do those, and
   * they concern its address alone; a queue is full, the exchange does not exist, no queue is bound.
   * PULSE_PUBLISH_BUSY, PULSE_RABBIT_UNREACHABLE: it waited too long and was not sent.
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

/** One timer for all publications: one for each would cost more than publishing. */
const SWEEP_INTERVAL_MS = 250;
const CLOSE_TIMEOUT_MS = 10_000;

class ConfirmedPublisher implements Publisher {
  readonly #options: typeof PUBLISHER_DEFAULTS & PublisherOptions;
  readonly #session: RabbitSession;
  readonly #sweeper: NodeJS.Timeout;
  /** Oldest first, like `#outstanding`: publications are only appended and removed. */
  readonly #waiting = new Set<Pending>();
  readonly #outstanding = new Outstanding();
  readonly #missing = new MissingExchanges();
  #link: RabbitLink | undefined;
  #channel: ConfirmChannel | undefined;
  #channelFull = false;
  #blockedSinceMs: number | undefined;
  #life: 'running' | 'closing' | 'closed' = 'running';
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PublisherOptions) {
    this.#options = { ...PUBLISHER_DEFAULTS, ...options };
    this.#session = startRabbitSession({
      url: options.url,
      name: this.#options.name,
      logger: options.logger,
      setup: (link) => this.#setUp(link),
      onLost: (error) => {
        this.#channel = undefined;
        this.#outstanding.rejectAll(this.#missing.judgeLoss(error, this.#outstanding.exchanges));
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
    await this.#missing.look(link.connection);
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
    // `onLost` was called for it, and would not be called for what is sent now.
    if (!link.alive) return;
    this.#link = link;
    this.#channel = channel;
    this.#channelFull = false;
    this.#outstanding.noteChannel();
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
    if (this.#missing.has(exchange)) {
      pending.reject(noExchange(publication));
      return;
    }
    this.#outstanding.add(pending);
    const channel = this.#channel;
    const settle = (error: unknown): void => {
      // Otherwise the channel has closed; `onLost` knows why.
      if (this.#channel === channel) this.#settle(pending, error);
    };
    try {
      const room = channel?.publish(exchange, routingKey, body, toOptions(publication), settle);
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
    if (error !== null) pending.reject(refused(pending.publication, error));
    else if (pending.returned) pending.reject(unroutable(pending.publication));
    else pending.resolve();
    this.#admit();
    this.#noticeIdle();
  }

  #sweep(): void {
    const nowMs = performance.now();
    const { confirmTimeoutMs, waitTimeoutMs } = this.#options;
    if (this.#isBlockedTooLong(nowMs)) {
      this.#outstanding.rejectAll(blockedTooLong);
      this.#failWaiting(blockedTooLong());
    }
    for (const pending of this.#waiting) {
      if (nowMs - pending.sinceMs < waitTimeoutMs) break;
      this.#waiting.delete(pending);
      pending.reject(this.#noPlace());
    }
    const stuck = this.#outstanding.whyStuck(nowMs, confirmTimeoutMs);
    if (stuck !== undefined) this.#link?.fail(unconfirmed(stuck));
    if (this.#link?.alive === true) void this.#missing.lookAgain(this.#link.connection, nowMs);
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

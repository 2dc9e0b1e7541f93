/**
 * The deliveries of one subscription that contain a refused pulse, until its dead letter is confirmed; and the
 * acknowledgements, because they must leave out the deliveries that are held.
 *
 * Such a delivery is, in turn:
 * - `publishing`: its batch waits for the confirm, so that one acknowledgement covers the whole batch. Only for a
 *   short time, and not at all while dead letters cannot be published.
 * - `held`: the good pulses of its batch are counted, and the other deliveries acknowledged. It alone stays
 *   unacknowledged, and its dead letters are retried until they are confirmed.
 * - `acknowledged`: all its dead letters are confirmed.
 * - `returned`: it was held for too long, see HELD_MAX_MS, or too much is held, and is back in the queue. A lost link
 *   does the same.
 */
import type { Channel, Message } from 'amqplib';
import { toDeadLetterPublication } from '../contract/dead-letter.ts';
import type { Publication } from '../contract/publication.ts';
import { RejectedError, toError, TransientError } from '../core/errors.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import type { RejectedPulse } from './batch.ts';

export interface RefusedDeps {
  /** Resolves when the broker has confirmed the dead letter. */
  readonly publishDeadLetter: (publication: Publication) => Promise<void>;
  readonly deadExchange: string;
  readonly logger: Logger;
}

export interface RefusedDeliveries {
  readonly heldCount: number;
  /** True once as many are held as may be; false again when half of that is. */
  readonly isFull: boolean;
  /**
   * Publishes dead letters. Resolves when all are confirmed, or when their batch must not wait for them any longer.
   *
   * @param waitedMs How long ago their deliveries came. Default: just now.
   */
  deadLetter(rejected: readonly RejectedPulse[], waitedMs?: number): Promise<void>;
  /** Acknowledges the deliveries of a batch, and holds those whose dead letters are not confirmed. In delivery order. */
  acknowledge(deliveryTags: readonly number[]): void;
  /** Resolves when none is held, at the latest after `timeoutMs`. */
  untilNoneIsHeld(timeoutMs: number): Promise<void>;
}

export interface RefusedOptions {
  readonly channel: Pick<Channel, 'ack' | 'nack'>;
  /** False once acknowledgements are void, because the link is lost. */
  readonly isOpen: () => boolean;
  /** Replaced in tests. */
  readonly confirmWaitMs?: number;
  readonly heldBytesMax?: number;
  /** Limits what is held, so that it never takes the whole of `prefetch` or of the memory. */
  readonly heldMax: number;
  /** Ends all retries. */
  readonly signal: AbortSignal;
  /** Called after `isFull` has changed. */
  readonly onFullChange: () => void;
  /** A dead letter failed with an error that no retry can fix. */
  readonly onFailure: (error: unknown) => void;
}

/** How long a batch waits for its dead letters. A confirm usually takes a few milliseconds. */
const CONFIRM_WAIT_MS = 1_000;
const RETRY = { baseMs: 50, capMs: 5_000 };
/** Beyond twice as much, which was prefetched before the consumer stopped, deliveries are returned. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;
/** About what a refused pulse takes in memory besides its body. */
const HELD_PULSE_BYTES = 400;
/** Dead letters of one batch in progress at a time: each takes some KiB, however small the pulse. */
const PUBLISHING_MAX = 100;
/**
 * RabbitMQ closes a channel on which a delivery has been unacknowledged for 30 minutes (`consumer_timeout`), which
 * would return everything that the channel holds. So a delivery that is held for this long is returned alone.
 */
const HELD_MAX_MS = 20 * 60_000;
const SWEEP_INTERVAL_MS = 60_000;

interface RefusedDelivery {
  unconfirmedCount: number;
  bytes: number;
  /** When it came, as far as is known. Its batch may have waited for room in the journal since. */
  readonly sinceMs: number;
  /** False while its batch waits for it. */
  isHeld: boolean;
}

export function createRefusedDeliveries(
  deps: RefusedDeps,
  options: RefusedOptions,
): RefusedDeliveries {
  return new HeldBack(deps, options);
}

class HeldBack implements RefusedDeliveries {
  isFull = false;
  heldCount = 0;
  #heldBytes = 0;
  readonly #heldBytesMax: number;
  readonly #deps: RefusedDeps;
  readonly #options: RefusedOptions;
  /** By delivery tag: those whose dead letters are not all confirmed. */
  readonly #unconfirmed = new Map<number, RefusedDelivery>();
  /** The last attempt to publish a dead letter failed, or got no answer in time. */
  #isStuck = false;
  #lastError: unknown;
  #sweeper: NodeJS.Timeout | undefined;
  readonly #whenNoneIsHeld = new Set<() => void>();

  constructor(deps: RefusedDeps, options: RefusedOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#heldBytesMax = options.heldBytesMax ?? HELD_BYTES_MAX;
    options.signal.addEventListener('abort', () => {
      clearInterval(this.#sweeper);
    });
  }

  async deadLetter(rejected: readonly RejectedPulse[], waitedMs = 0): Promise<void> {
    if (rejected.length === 0) return;
    for (const { deliveryTag, body } of rejected) {
      const delivery =
        this.#unconfirmed.get(deliveryTag) ?? newDelivery(performance.now() - waitedMs);
      delivery.unconfirmedCount += 1;
      delivery.bytes += body.length + HELD_PULSE_BYTES;
      this.#unconfirmed.set(deliveryTag, delivery);
    }
    const confirmed = this.#deadLetterAll(rejected);
    if (this.#isStuck) return;
    await waitAtMost(this.#options.confirmWaitMs ?? CONFIRM_WAIT_MS, confirmed);
    if (this.#options.signal.aborted) throw closing();
    if (rejected.some(({ deliveryTag }) => this.#unconfirmed.has(deliveryTag)))
      this.#isStuck = true;
  }

  acknowledge(deliveryTags: readonly number[]): void {
    const last = deliveryTags.at(-1);
    if (last === undefined) return;
    if (this.heldCount === 0 && !deliveryTags.some((tag) => this.#unconfirmed.has(tag))) {
      this.#options.channel.ack(tagged(last), true);
      return;
    }
    // One acknowledgement of all would include those that are held.
    for (const tag of deliveryTags) {
      const delivery = this.#unconfirmed.get(tag);
      if (delivery === undefined) this.#options.channel.ack(tagged(tag));
      else this.#hold(tag, delivery);
    }
  }

  async untilNoneIsHeld(timeoutMs: number): Promise<void> {
    if (this.heldCount === 0) return;
    const noneIsHeld = new Promise<void>((resolve) => {
      this.#whenNoneIsHeld.add(resolve);
    });
    await waitAtMost(timeoutMs, noneIsHeld);
  }

  async #deadLetterAll(rejected: readonly RejectedPulse[]): Promise<void> {
    // A copy, because the caller later adds what Redis refuses.
    const pulses = [...rejected].values();
    const publishInTurn = async (): Promise<void> => {
      for (const pulse of pulses) await this.#deadLetterOne(pulse);
    };
    const length = Math.min(PUBLISHING_MAX, rejected.length);
    await Promise.all(Array.from({ length }, publishInTurn));
  }

  async #deadLetterOne(pulse: RejectedPulse): Promise<void> {
    const { deliveryTag } = pulse;
    if (!this.#unconfirmed.has(deliveryTag)) return;
    const publication = toDeadLetterPublication(this.#deps.deadExchange, pulse);
    try {
      // A copy, because the body is a part of a buffer that holds many deliveries.
      await this.#publish({ ...publication, body: Buffer.from(publication.body) }, deliveryTag);
      this.#confirm(deliveryTag);
    } catch (error) {
      if (!this.#options.signal.aborted) this.#options.onFailure(error);
    }
  }

  /** Resolves when it is confirmed, or its delivery was returned. */
  async #publish(publication: Publication, deliveryTag: number): Promise<void> {
    const { signal } = this.#options;
    let sendable = publication;
    for (let attempt = 0; !signal.aborted && this.#unconfirmed.has(deliveryTag); attempt++) {
      try {
        await this.#deps.publishDeadLetter(sendable);
        this.#isStuck = false;
        return;
      } catch (error) {
        if (error instanceof RejectedError && sendable === publication) {
          // A property of the producer's that cannot be sent must not keep the pulse out of the quarantine.
          sendable = withoutForeignParts(publication);
          continue;
        }
        if (!(error instanceof TransientError)) throw error;
        this.#isStuck = true;
        this.#lastError = error;
      }
      await sleep(backoffDelayMs(attempt, RETRY), signal);
    }
    if (signal.aborted) throw closing();
  }

  #confirm(deliveryTag: number): void {
    const delivery = this.#unconfirmed.get(deliveryTag);
    if (delivery === undefined) return;
    delivery.unconfirmedCount -= 1;
    if (delivery.unconfirmedCount > 0) return;
    this.#unconfirmed.delete(deliveryTag);
    if (!delivery.isHeld) return;
    if (this.#options.isOpen()) this.#options.channel.ack(tagged(deliveryTag));
    this.#release(delivery);
  }

  #hold(tag: number, delivery: RefusedDelivery): void {
    if (this.#heldBytes >= 2 * this.#heldBytesMax) {
      this.#return(tag);
      return;
    }
    delivery.isHeld = true;
    this.heldCount += 1;
    this.#heldBytes += delivery.bytes;
    if (this.heldCount === 1) {
      this.#deps.logger.warn(
        { reason: this.#lastError === undefined ? 'no confirm' : toError(this.#lastError).message },
        'dead letters cannot be published; refused pulses are held, good ones are counted',
      );
      this.#startSweeping();
    }
    this.#noticeFull();
  }

  #startSweeping(): void {
    // A batch may end after the signal, which nobody would stop it again for.
    if (this.#options.signal.aborted) return;
    this.#sweeper = setInterval(() => {
      this.#sweep();
    }, SWEEP_INTERVAL_MS);
  }

  #release(delivery: RefusedDelivery): void {
    this.heldCount -= 1;
    this.#heldBytes -= delivery.bytes;
    if (this.heldCount === 0) {
      clearInterval(this.#sweeper);
      this.#deps.logger.info('no refused pulse is held any more');
      for (const resolve of this.#whenNoneIsHeld) resolve();
    }
    this.#noticeFull();
  }

  #noticeFull(): void {
    const share = Math.max(
      this.heldCount / this.#options.heldMax,
      this.#heldBytes / this.#heldBytesMax,
    );
    const isFull = this.isFull ? share > 0.5 : share >= 1;
    if (isFull === this.isFull) return;
    this.isFull = isFull;
    this.#options.onFullChange();
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [tag, delivery] of this.#unconfirmed) {
      if (!delivery.isHeld || nowMs - delivery.sinceMs < HELD_MAX_MS) continue;
      this.#return(tag);
      this.#release(delivery);
    }
  }

  #return(tag: number): void {
    this.#unconfirmed.delete(tag);
    if (this.#options.isOpen()) this.#options.channel.nack(tagged(tag), false, true);
  }
}

function closing(): TransientError {
  return new TransientError('PULSE_INGEST_CLOSED', 'Ingest is closing.');
}

function newDelivery(sinceMs: number): RefusedDelivery {
  return { unconfirmedCount: 0, bytes: 0, sinceMs, isHeld: false };
}

/** All that amqplib reads of a message that it acknowledges. */
function tagged(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message;
}

function withoutForeignParts({ exchange, routingKey, body, headers }: Publication): Publication {
  const own = Object.entries(headers ?? {}).filter(([name]) => name.startsWith('x-pulse-'));
  return { exchange, routingKey, body, headers: Object.fromEntries(own) };
}

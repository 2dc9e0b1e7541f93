/** Publications that were sent and have no confirm yet. */
import type { Message } from 'amqplib';
import type { PulseError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';

/** One accepted publication, waiting or sent, and the promise of its caller. */
export interface Pending {
  readonly publication: Publication;
  readonly resolve: () => void;
  readonly reject: (error: PulseError) => void;
  /** Since when it has waited, or after sending, when it was sent; on the monotonic clock. */
  sinceMs: number;
  /** The broker has returned it; the confirm that follows means nothing. */
  returned: boolean;
}

/**
 * A channel that has refused everything for this long is stuck. In RabbitMQ 3.10, a channel that is opened between the
 * death of a queue's leader and the election refuses everything until the dead node is back, while new channels work.
 *
 * A channel that has confirmed something is not such a one, and where a new channel refuses as well, the queue is full:
 * then the time is longer, because a lost connection delays what goes to other queues.
 */
const REFUSED_TIMEOUT_MS = { first: 2_000, max: 60_000 };

/** Oldest first. */
export class Outstanding {
  readonly #pending = new Set<Pending>();
  #bytes = 0;
  /** The first refusal since the last confirm. */
  #refusedSinceMs: number | undefined;
  #refusedTimeoutMs = REFUSED_TIMEOUT_MS.first;

  get count(): number {
    return this.#pending.size;
  }

  /** The bytes of all bodies. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of all publications, with repetitions. */
  get exchanges(): string[] {
    return [...this.#pending].map(({ publication: { exchange } }) => exchange);
  }

  /** Why the channel is stuck; undefined if it is not. */
  whyStuck(nowMs: number, confirmTimeoutMs: number): string | undefined {
    // Confirms may come in another order, but one that takes this long means that the channel is stuck.
    const [oldest] = this.#pending;
    if (oldest !== undefined && nowMs - oldest.sinceMs >= confirmTimeoutMs) {
      return 'RabbitMQ did not confirm in time.';
    }
    const sinceMs = this.#refusedSinceMs;
    return sinceMs !== undefined && nowMs - sinceMs >= this.#refusedTimeoutMs
      ? 'RabbitMQ refuses everything.'
      : undefined;
  }

  add(pending: Pending): void {
    this.#pending.add(pending);
    this.#bytes += pending.publication.body.length;
  }

  /** False if it was rejected before. */
  remove(pending: Pending): boolean {
    if (!this.#pending.delete(pending)) return false;
    this.#bytes -= pending.publication.body.length;
    return true;
  }

  noteAnswer(isConfirm: boolean): void {
    if (!isConfirm) {
      this.#refusedSinceMs ??= performance.now();
      return;
    }
    this.#refusedSinceMs = undefined;
    this.#refusedTimeoutMs = REFUSED_TIMEOUT_MS.max;
  }

  /** What follows is sent on a new channel. */
  noteChannel(): void {
    const { first, max } = REFUSED_TIMEOUT_MS;
    const hasRefused = this.#refusedSinceMs !== undefined;
    this.#refusedTimeoutMs = hasRefused ? Math.min(2 * this.#refusedTimeoutMs, max) : first;
    this.#refusedSinceMs = undefined;
  }

  rejectAll(errorOf: (publication: Publication) => PulseError): void {
    const rejected = [...this.#pending];
    this.#pending.clear();
    this.#bytes = 0;
    for (const { publication, reject } of rejected) reject(errorOf(publication));
  }

  /**
   * Marks what the broker returned as unroutable.
   *
   * A return comes before the confirm of the same publication and has its content, so it belongs to the oldest equal
   * one. If there is no equal one, everything to that address counts as returned.
   */
  markReturned({ fields, properties, content }: Message): void {
    const messageId: unknown = properties.messageId;
    const sameAddress: Pending[] = [];
    for (const pending of this.#pending) {
      const { publication, returned } = pending;
      if (returned || publication.exchange !== fields.exchange) continue;
      if (publication.routingKey !== fields.routingKey) continue;
      if (publication.messageId === messageId && publication.body.equals(content)) {
        pending.returned = true;
        return;
      }
      sameAddress.push(pending);
    }
    for (const pending of sameAddress) pending.returned = true;
  }
}

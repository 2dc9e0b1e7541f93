/** What was handed to the broker and has no confirm yet. */
import type { Message } from 'amqplib';
import type { PulseError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';

/** One accepted publication, waiting or sent, and the promise that its caller holds. */
export interface Pending {
  readonly publication: Publication;
  readonly resolve: () => void;
  readonly reject: (error: PulseError) => void;
  /** When it began to wait, then when it was sent; on the monotonic clock. */
  sinceMs: number;
  /** The broker has sent it back; its confirm, which follows, means nothing. */
  returned: boolean;
}

/**
 * A channel on which for so long everything was refused is stuck: one of RabbitMQ 3.10 that was opened between the
 * death of a queue's leader and the election refuses until the dead node is back, while new ones work.
 */
const REFUSED_TIMEOUT_MS = 2_000;

/** The publications sent and not yet confirmed, oldest first. */
export class Outstanding {
  readonly #pending = new Set<Pending>();
  #bytes = 0;
  /** The first refusal since the last confirm. */
  #refusedSinceMs: number | undefined;

  get count(): number {
    return this.#pending.size;
  }

  /** Of bodies. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Why the channel is of no more use; undefined while it is. */
  whyStuck(nowMs: number, confirmTimeoutMs: number): string | undefined {
    // The order of confirms is loose, but a silence this long means a channel that is stuck.
    const [oldest] = this.#pending;
    if (oldest !== undefined && nowMs - oldest.sinceMs >= confirmTimeoutMs) {
      return 'RabbitMQ did not confirm in time.';
    }
    const sinceMs = this.#refusedSinceMs;
    return sinceMs !== undefined && nowMs - sinceMs >= REFUSED_TIMEOUT_MS
      ? 'RabbitMQ refuses everything.'
      : undefined;
  }

  add(pending: Pending): void {
    this.#pending.add(pending);
    this.#bytes += pending.publication.body.length;
  }

  /** False when it was given up on earlier. */
  remove(pending: Pending): boolean {
    if (!this.#pending.delete(pending)) return false;
    this.#bytes -= pending.publication.body.length;
    return true;
  }

  /** Remembers how the broker has answered. */
  noteAnswer(isConfirm: boolean): void {
    if (isConfirm) this.#refusedSinceMs = undefined;
    else this.#refusedSinceMs ??= performance.now();
  }

  /** Gives up on everything. */
  rejectAll(error: PulseError): void {
    this.#refusedSinceMs = undefined;
    const rejected = [...this.#pending];
    this.#pending.clear();
    this.#bytes = 0;
    for (const { reject } of rejected) reject(error);
  }

  /**
   * Marks what the broker sent back as unroutable.
   *
   * A return precedes the confirm of the same publication and carries its content, so the oldest
   * outstanding twin is the one; without any twin, everything to that address is taken for returned.
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

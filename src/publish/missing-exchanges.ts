/**
 * The exchanges that do not exist, as far as publishing has shown.
 *
 * RabbitMQ closes the channel of whoever publishes to such an exchange, and all else that is outstanding on it stays
 * unconfirmed. So nothing is sent to one that is known to be missing, and it is looked for again every second.
 */
import type { ChannelModel } from 'amqplib';
import { codeOf, type PulseError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';
import { hasExchange, NOT_FOUND } from '../platform/topology.ts';
import { noExchange, unconfirmed } from './amqp-terms.ts';

const LOOK_INTERVAL_MS = 1_000;
/** AMQP's numbers of `basic.publish`. */
const BASIC_PUBLISH = { classId: 60, methodId: 40 };

export class MissingExchanges {
  /** By name, whether it is known that it does not exist; otherwise it may. */
  readonly #suspects = new Map<string, boolean>();
  #nextLookMs = 0;
  #isLooking = false;

  has(exchange: string): boolean {
    return this.#suspects.get(exchange) === true;
  }

  /**
   * What the end of a channel means for each publication that was outstanding on it.
   *
   * RabbitMQ says only in words which exchange is missing. If several come into question, the next connection finds out.
   *
   * @param exchanges Of these publications.
   */
  judgeLoss(error: Error, exchanges: Iterable<string>): (publication: Publication) => PulseError {
    if (isNoExchange(error)) {
      // The default exchange, whose name is empty, always exists.
      const named = [...new Set(exchanges)].filter((exchange) => exchange !== '');
      for (const exchange of named) this.#suspects.set(exchange, named.length === 1);
    }
    return (publication) =>
      this.has(publication.exchange)
        ? noExchange(publication, error)
        : unconfirmed('The connection to RabbitMQ was lost.', error);
  }

  /** Looks which of them exist by now. On channels of its own: an exchange that does not exist closes them. */
  async look(connection: ChannelModel): Promise<void> {
    for (const exchange of [...this.#suspects.keys()]) {
      if (await hasExchange(connection, exchange)) this.#suspects.delete(exchange);
      else this.#suspects.set(exchange, true);
    }
  }

  /** The same, if the last time was a second ago. */
  async lookAgain(connection: ChannelModel, nowMs: number): Promise<void> {
    if (this.#suspects.size === 0 || this.#isLooking || nowMs < this.#nextLookMs) return;
    this.#nextLookMs = nowMs + LOOK_INTERVAL_MS;
    this.#isLooking = true;
    // If the connection is lost meanwhile, the next one looks before anything is sent.
    await this.look(connection).catch(() => undefined);
    this.#isLooking = false;
  }
}

function isNoExchange(error: Error): boolean {
  const { classId, methodId } = error as { classId?: unknown; methodId?: unknown };
  const isOfPublish = classId === BASIC_PUBLISH.classId && methodId === BASIC_PUBLISH.methodId;
  return isOfPublish && codeOf(error) === NOT_FOUND;
}

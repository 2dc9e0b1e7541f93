/** Publishes checked pulses, several per message, and reports for each whether RabbitMQ confirmed it. */
import { TransientError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';

export interface PublishDeps {
  /** Resolves when the broker has it safely in a queue. */
  readonly publish: (publication: Publication) => Promise<void>;
  /** The name of the queue, of its exchange and of its routing key. */
  readonly queue: string;
  /** The largest message that ingest accepts. */
  readonly bodyBytesMax: number;
}

/** Many enough that the broker's cost per message hardly matters, and few enough that messages stay small. */
const PULSES_PER_MESSAGE = 100;
const MESSAGE_BYTES_MAX = 64 * 1024;

/**
 * Publishes the texts of pulses, each a JSON object with an id.
 *
 * @param newMessageId Makes the id of a message, which only distinguishes dead letters: pulses have their own ids.
 * @returns For each text whether it was confirmed. An unconfirmed one may have been published; sent again with the
 * same id, it is counted once.
 */
export async function publishPulses(
  texts: readonly string[],
  { publish, queue, bodyBytesMax }: PublishDeps,
  newMessageId: () => string,
): Promise<boolean[]> {
  const messages = intoMessages(texts, Math.min(MESSAGE_BYTES_MAX, bodyBytesMax));
  const confirmed = await Promise.all(
    messages.map(async (pulses) => {
      const body = pulses.length === 1 ? pulses.join() : `[${pulses.join(',')}]`;
      const isConfirmed = await isTaken(
        publish({
          exchange: queue,
          routingKey: queue,
          body: Buffer.from(body),
          messageId: newMessageId(),
          contentType: 'application/json',
        }),
      );
      return pulses.map(() => isConfirmed);
    }),
  );
  return confirmed.flat();
}

async function isTaken(publishing: Promise<void>): Promise<boolean> {
  try {
    await publishing;
    return true;
  } catch (error) {
    if (error instanceof TransientError) return false;
    throw error;
  }
}

/** Keeps the order. Each message is within both bounds, except that a large pulse gets a message to itself. */
function intoMessages(texts: readonly string[], bytesMax: number): string[][] {
  const messages: string[][] = [];
  let message: string[] = [];
  let bytes = 0;
  for (const text of texts) {
    // Includes the comma or bracket before it; the closing bracket is in the initial value.
    const more = Buffer.byteLength(text) + 1;
    if (message.length === PULSES_PER_MESSAGE || bytes + more > bytesMax) message = [];
    if (message.length === 0) {
      messages.push(message);
      bytes = 1;
    }
    message.push(text);
    bytes += more;
  }
  return messages;
}

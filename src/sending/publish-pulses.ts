/** Publishes checked pulses, several a message, and tells for each whether RabbitMQ has it. */
import { TransientError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';

/** Where to publish, and how. */
export interface PublishDeps {
  /** Resolves when the broker has it safely in a queue. */
  readonly publish: (publication: Publication) => Promise<void>;
  /** The queue's name, which is also that of its exchange and its routing key. */
  readonly queue: string;
  /** Of one message, as ingest takes it. */
  readonly bodyBytesMax: number;
}

/** Enough that the broker's cost a message hardly shows, few enough that a message is small. */
const PULSES_PER_MESSAGE = 100;
const MESSAGE_BYTES_MAX = 64 * 1024;

/**
 * Publishes the texts of pulses, each a JSON object with an id.
 *
 * @param newMessageId The identity of a message: it only tells dead letters apart, pulses have their own.
 * @returns For each text whether it was confirmed. One that was not may have been published all the
 * same: sent again with the same id it counts once.
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

/** In order; each message within both bounds, one pulse has a message of its own whatever its size. */
function intoMessages(texts: readonly string[], bytesMax: number): string[][] {
  const messages: string[][] = [];
  let message: string[] = [];
  let bytes = 0;
  for (const text of texts) {
    // With the comma or bracket before it; the closing bracket is in the first sum.
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

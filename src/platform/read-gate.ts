/**
 * Stops reading a RabbitMQ connection, and goes on. What is not read stays with the broker, because TCP holds it back.
 *
 * AMQP itself can only bound how many messages a consumer holds, not their bytes.
 */
import type { ChannelModel } from 'amqplib';

export interface ReadGate {
  /** Reads nothing more on any channel, not even answers, until it is opened. */
  close(): void;
  open(): void;
}

/** The parts of amqplib's connection that read frames. */
interface FrameReader {
  recvFrame: () => unknown;
  /** Whether anything has arrived since the last check of the heartbeats. */
  recvSinceLastCheck: boolean;
  readonly stream: { emit(event: 'readable'): void };
}

/** @returns The gate of a connection, open. */
export function createReadGate({ connection }: ChannelModel): ReadGate {
  const reader = connection as unknown as FrameReader;
  const receive = reader.recvFrame.bind(reader);
  let isClosed = false;
  reader.recvFrame = () => (isClosed ? false : receive());
  let hasReceived = reader.recvSinceLastCheck;
  Object.defineProperty(reader, 'recvSinceLastCheck', {
    // The broker is not silent when nobody listens. One that has died is noticed when the gate opens, or when our own
    // heartbeats stay unacknowledged for as long as TCP repeats them.
    get: () => isClosed || hasReceived,
    set: (value: boolean) => {
      hasReceived = value;
    },
  });
  return {
    close() {
      isClosed = true;
    },
    open() {
      if (!isClosed) return;
      isClosed = false;
      // amqplib reads when it is told that there is something, which has been before.
      setImmediate(() => {
        reader.stream.emit('readable');
      });
    },
  };
}

/** amqplib's real connection, with a broker that says what a test tells it to, in pieces that the test chooses. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Duplex } from 'node:stream';
import { setImmediate as immediate } from 'node:timers/promises';
import type { ChannelModel } from 'amqplib';
import { frameOf, shortText } from './amqp-codec.ts';

const require = createRequire(import.meta.url);
const library = dirname(require.resolve('amqplib'));

interface RawConnection {
  open(options: object, onOpened: (error: Error | null) => void): void;
  rest: Buffer;
  recvSinceLastCheck: boolean;
}

const { Connection } = require(join(library, 'lib/connection.js')) as {
  Connection: new (stream: Duplex) => RawConnection;
};
const { ChannelModel: Model } = require(join(library, 'lib/channel_model.js')) as {
  ChannelModel: new (connection: RawConnection) => ChannelModel;
};

const OPEN_OPTIONS = {
  ...{ clientProperties: {}, mechanism: 'PLAIN', locale: 'en_US', virtualHost: '/' },
  ...{ response: Buffer.alloc(0), channelMax: 0, frameMax: 0, heartbeat: 0 },
  ...{ capabilities: '', insist: 0 },
};

const PROTOCOL_HEADER_BYTES = 8;
/** Class and method of what the client asks, and what the broker answers. */
const ANSWERS: Readonly<Record<string, readonly [number, number]>> = {
  '10.40': [10, 41],
  '10.50': [10, 51],
  '20.10': [20, 11],
  '20.40': [20, 41],
  '60.10': [60, 11],
  '60.20': [60, 21],
  '60.30': [60, 31],
};

/** A method frame. */
export function methodOf(
  channel: number,
  [classId, methodId]: readonly [number, number],
  args: Buffer,
): Buffer {
  return frameOf(1, Buffer.concat([Buffer.from([0, classId, 0, methodId]), args]), channel);
}

class ScriptedStream extends Duplex {
  #unread = Buffer.alloc(0);
  /** All that the client has sent, in hexadecimal digits. */
  sent = '';
  /** What the broker has said and the client has not received. */
  outgoing = Buffer.alloc(0);

  override _read(): void {
    // `receive` pushes.
  }

  override _write(chunk: Buffer, _encoding: string, onDone: () => void): void {
    this.sent += chunk.toString('hex');
    this.#unread = Buffer.concat([this.#unread, chunk]);
    if (this.#unread.subarray(0, 4).toString() === 'AMQP') {
      this.#unread = this.#unread.subarray(PROTOCOL_HEADER_BYTES);
    }
    while (this.#unread.length >= 8) {
      const end = 8 + this.#unread.readUInt32BE(3);
      if (end > this.#unread.length) break;
      this.#answer(this.#unread.subarray(0, end));
      this.#unread = this.#unread.subarray(end);
    }
    onDone();
  }

  #answer(frame: Buffer): void {
    if (frame[0] !== 1) return;
    const method = `${frame.readUInt16BE(7)}.${frame.readUInt16BE(9)}`;
    const answer = ANSWERS[method];
    if (answer === undefined) return;
    this.say(methodOf(frame.readUInt16BE(1), answer, argumentsFor(method, frame)));
  }

  say(bytes: Buffer): void {
    this.outgoing = Buffer.concat([this.outgoing, bytes]);
  }
}

/** `basic.consume` and `basic.cancel` are answered with their tag, which follows two bytes and the queue, or nothing. */
function argumentsFor(method: string, frame: Buffer): Buffer {
  const tagAt = method === '60.20' ? 14 + frame.readUInt8(13) : 11;
  if (!method.startsWith('60.')) return Buffer.alloc(4);
  return frame.subarray(tagAt, tagAt + 1 + frame.readUInt8(tagAt));
}

/** Opens a connection to a scripted broker. */
export async function openScripted() {
  const stream = new ScriptedStream();
  const raw = new Connection(stream);

  /** Sends all but the last `left` bytes of what the broker has said, in pieces of these sizes, in turn. */
  const receive = async (pieceSizes: readonly number[] = [1 << 20], left = 0): Promise<void> => {
    for (let turn = 0; stream.outgoing.length > left; turn++) {
      const size = Math.min(pieceSizes[turn % pieceSizes.length]!, stream.outgoing.length - left);
      stream.push(Buffer.from(stream.outgoing.subarray(0, size)));
      stream.outgoing = stream.outgoing.subarray(size);
      await immediate();
    }
  };
  /** Lets what the client has asked arrive. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await immediate();
  };
  /** Runs what the client asks until it is answered. */
  const answered = async <T>(asked: Promise<T>): Promise<T> => {
    // It may be refused before it is awaited.
    asked.catch(() => undefined);
    await settle();
    await receive();
    const given = new Promise<never>((_resolve, reject) => {
      void settle().then(() => {
        reject(new Error('The broker gave no answer.'));
      });
    });
    return await Promise.race([asked, given]);
  };

  const opened = new Promise<void>((resolve, reject) => {
    raw.open(OPEN_OPTIONS, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  const mechanisms = Buffer.from('\0\0\0\x05PLAIN\0\0\0\x05en_US');
  stream.say(methodOf(0, [10, 10], Buffer.concat([Buffer.from([0, 9, 0, 0, 0, 0]), mechanisms])));
  await receive();
  stream.say(methodOf(0, [10, 30], Buffer.from([0, 9, 0, 0, 0x10, 0, 0, 0])));
  await receive();
  await answered(opened);
  return {
    raw,
    model: new Model(raw),
    stream,
    receive,
    answered,
    settle,
    say: (bytes: Buffer): void => {
      stream.say(bytes);
    },
  };
}

/** A delivery's method frame. */
export function deliverOf(
  channel: number,
  given: { tag: string; deliveryTag: bigint; redelivered: boolean; exchange: Buffer; key: Buffer },
): Buffer {
  const number = Buffer.alloc(9);
  number.writeBigUInt64BE(given.deliveryTag);
  number.writeUInt8(given.redelivered ? 1 : 0, 8);
  const texts = [shortText(given.exchange), shortText(given.key)];
  return methodOf(
    channel,
    [60, 60],
    Buffer.concat([shortText(Buffer.from(given.tag)), number, ...texts]),
  );
}

/** The header frame of a message, with any flags and bytes as its properties. */
export function headerOf(
  channel: number,
  given: { size: number; flags: number; properties: Buffer },
): Buffer {
  const head = Buffer.alloc(14);
  head.writeUInt16BE(60, 0);
  head.writeUInt32BE(given.size, 8);
  head.writeUInt16BE(given.flags, 12);
  return frameOf(2, Buffer.concat([head, given.properties]), channel);
}

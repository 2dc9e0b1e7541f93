/**
 * Cuts the plain deliveries of one consumer out of a connection's bytes, before amqplib makes objects of their frames.
 *
 * amqplib takes 4.4 µs of CPU time for a delivery, most of it for the objects. Only the reading of frames is replaced:
 * a delivery that was cut out goes through amqplib's channel to the consumer, in its turn, and everything else is left
 * to amqplib, frame by frame. So their order, a closing channel, a consumer that throws, heartbeats and acknowledgements
 * are what they are without this.
 */
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import {
  PropertiesReader,
  type DeliveryProperties,
  type HeaderDecoder,
} from './delivery-properties.ts';
import { guardHeaders } from './header-guard.ts';
import { isAt, PlainDeliveryFinder, uint64At } from './plain-delivery.ts';

export interface DeliveryFilter {
  /**
   * @param channel Nothing has been consumed on it.
   * @returns Takes the tag of a consumer of this channel. From then on, its deliveries are cut out, and no others.
   */
  watch(channel: Channel): (consumerTag: string) => void;
}

/** Leaves everything to amqplib. */
export const NO_FILTER: DeliveryFilter = { watch: () => () => undefined };

/** What amqplib's `recvFrame` returns, and its channels accept. */
interface Frame {
  readonly channel: number;
  readonly fields?: { readonly headers?: Readonly<Record<string, unknown>> };
}

interface CutFrame extends Frame {
  /** None, as in the frame of a body, because amqplib takes both for a part of a message. */
  readonly id: undefined;
  readonly message: CutMessage;
}

/** The parts of amqplib's connection that read frames. */
interface FrameReader {
  /** What has arrived and is not read yet. */
  rest: Buffer;
  recvFrame: () => Frame | false;
  /** For the heartbeats. */
  recvSinceLastCheck: boolean;
  readonly stream: { read(): Buffer | null };
  /** By number. */
  readonly channels: readonly (undefined | null | { readonly channel: unknown })[];
}

/** What amqplib's channel does with the next frame of a message. It returns what to do with the one after that. */
type MessageState = (frame: CutFrame) => MessageState;

interface ChannelParts {
  readonly ch: number;
  handleMessage: MessageState;
  emit(event: 'delivery', message: CutMessage): boolean;
}

type CutMessage = Omit<ConsumeMessage, 'properties'> & { readonly properties: DeliveryProperties };

const EMPTY: Buffer = Buffer.alloc(0);

/** Filters a connection that has just been opened. Call it once. */
export function createDeliveryFilter({ connection }: ChannelModel): DeliveryFilter {
  return new FilteredReader(connection as unknown as FrameReader);
}

class FilteredReader implements DeliveryFilter {
  readonly #reader: FrameReader;
  readonly #receive: () => Frame | false;
  readonly #decode: HeaderDecoder;
  #consumer: CutConsumer | undefined;
  /** How much of the reader's `rest` has been cut out. */
  #at = 0;

  constructor(reader: FrameReader) {
    this.#reader = reader;
    this.#receive = reader.recvFrame.bind(reader);
    this.#decode = createHeaderDecoder(reader);
    reader.recvFrame = () =>
      this.#consumer === undefined ? this.#receive() : this.#receiveFor(this.#consumer);
  }

  watch(channel: Channel): (consumerTag: string) => void {
    const parts = channel as unknown as ChannelParts;
    // amqplib's channel is in this state again after every message.
    const idle = parts.handleMessage;
    return (tag) => {
      this.#consumer = new CutConsumer({ channel: parts, idle, tag }, this.#decode);
    };
  }

  /** amqplib calls it again once it has accepted a frame, so nothing is cut out before all before it has arrived. */
  #receiveFor(consumer: CutConsumer): Frame | false {
    if (!consumer.canReceive(this.#reader)) return this.#receiveOther();
    for (;;) {
      const frame = consumer.cut(this.#reader.rest, this.#at);
      if (frame === 'other') return this.#receiveOther();
      if (frame !== 'partial') {
        this.#at = consumer.end;
        return frame;
      }
      if (!this.#readMore()) return false;
    }
  }

  #receiveOther(): Frame | false {
    this.#reader.rest = this.#reader.rest.subarray(this.#at);
    this.#at = 0;
    return this.#receive();
  }

  /** As amqplib's own `recvFrame` does it. */
  #readMore(): boolean {
    const reader = this.#reader;
    const incoming = reader.stream.read();
    const isUsedUp = this.#at === reader.rest.length;
    if (incoming !== null) {
      reader.recvSinceLastCheck = true;
      reader.rest = isUsedUp ? incoming : Buffer.concat([reader.rest.subarray(this.#at), incoming]);
      this.#at = 0;
    } else if (isUsedUp) {
      reader.rest = EMPTY;
      this.#at = 0;
    }
    return incoming !== null;
  }
}

/** A consumer whose deliveries are cut out. */
class CutConsumer {
  readonly #channel: ChannelParts;
  readonly #idle: MessageState;
  readonly #tag: string;
  readonly #finder: PlainDeliveryFinder;
  readonly #properties: PropertiesReader;
  /** Of the last delivery, because most have the same. */
  #address = EMPTY;
  #exchange = '';
  #routingKey = '';

  constructor(
    consumer: { readonly channel: ChannelParts; readonly idle: MessageState; readonly tag: string },
    decode: HeaderDecoder,
  ) {
    this.#channel = consumer.channel;
    this.#idle = consumer.idle;
    this.#tag = consumer.tag;
    this.#finder = new PlainDeliveryFinder(consumer.channel.ch, consumer.tag);
    this.#properties = new PropertiesReader(decode);
  }

  /** Where the delivery that was cut out last ends. */
  get end(): number {
    return this.#finder.end;
  }

  /** False when its channel is gone, or is in the middle of a message. */
  canReceive({ channels }: FrameReader): boolean {
    const channel = this.#channel;
    return channels[channel.ch]?.channel === channel && channel.handleMessage === this.#idle;
  }

  /** The delivery at the front, as a frame that the channel takes for the end of a message. */
  cut(bytes: Buffer, at: number): CutFrame | 'partial' | 'other' {
    const finder = this.#finder;
    const front = finder.find(bytes, at);
    if (front !== 'whole') return front;
    const properties = this.#properties.read(bytes, finder);
    if (properties === undefined) return 'other';
    this.#readAddress(bytes);
    const message: CutMessage = {
      fields: {
        consumerTag: this.#tag,
        deliveryTag: uint64At(bytes, finder.tagAt),
        redelivered: (bytes.readUInt8(finder.tagAt + 8) & 1) === 1,
        exchange: this.#exchange,
        routingKey: this.#routingKey,
      },
      properties,
      content: bytes.subarray(finder.bodyAt, finder.bodyEnd),
    };
    this.#channel.handleMessage = this.#handOver;
    return { id: undefined, channel: this.#channel.ch, message };
  }

  /** The state in which the channel accepts what was cut out. A throw closes the channel, as everywhere in amqplib. */
  readonly #handOver: MessageState = ({ message }) => {
    this.#channel.emit('delivery', message);
    return this.#idle;
  };

  #readAddress(bytes: Buffer): void {
    const { addressAt, addressEnd } = this.#finder;
    const known = this.#address;
    if (addressEnd - addressAt === known.length && isAt(bytes, addressAt, known)) {
      return;
    }
    const exchangeEnd = addressAt + 1 + bytes.readUInt8(addressAt);
    this.#exchange = bytes.toString('utf8', addressAt + 1, exchangeEnd);
    this.#routingKey = bytes.toString('utf8', exchangeEnd + 1, addressEnd);
    this.#address = Buffer.from(bytes.subarray(addressAt, addressEnd));
  }
}

/** Decodes headers as a connection does, with amqplib's own code and the guard around it. */
function createHeaderDecoder(reader: FrameReader): HeaderDecoder {
  const { recvFrame } = Object.getPrototypeOf(reader) as FrameReader;
  const alone = { rest: EMPTY, maxFrameSize: 0, stream: { read: () => null }, recvFrame };
  guardHeaders({ connection: alone } as unknown as ChannelModel);
  return (bytes) => {
    alone.rest = bytes;
    const frame = alone.recvFrame();
    return frame === false ? undefined : frame.fields?.headers;
  };
}

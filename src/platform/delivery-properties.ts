/** Reads the properties of deliveries as amqplib does, but reads headers only for whoever asks for them. */
import { isAt, uint64At } from './plain-delivery.ts';

/** Gives the headers of a whole header frame. */
export type HeaderDecoder = (frame: Buffer) => Readonly<Record<string, unknown>> | undefined;

const EMPTY: Buffer = Buffer.alloc(0);

const FLAGS = {
  contentType: 0x8000,
  contentEncoding: 0x4000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  priority: 0x0800,
  correlationId: 0x0400,
  replyTo: 0x0200,
  expiration: 0x0100,
  messageId: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  userId: 0x0010,
  appId: 0x0008,
  clusterId: 0x0004,
};

/** The properties of one message, under the names that amqplib gives them. Those that it does not have are undefined. */
export class DeliveryProperties {
  contentType: string | undefined = undefined;
  contentEncoding: string | undefined = undefined;
  deliveryMode: number | undefined = undefined;
  priority: number | undefined = undefined;
  correlationId: string | undefined = undefined;
  replyTo: string | undefined = undefined;
  expiration: string | undefined = undefined;
  messageId: string | undefined = undefined;
  timestamp: number | undefined = undefined;
  type: string | undefined = undefined;
  userId: string | undefined = undefined;
  appId: string | undefined = undefined;
  clusterId: string | undefined = undefined;
  /** The frame with the headers; undefined when there are none, or when they have been decoded. */
  #frame: Buffer | undefined;
  #headers: Readonly<Record<string, unknown>> | undefined = undefined;
  readonly #decode: HeaderDecoder;

  constructor(frame: Buffer | undefined, decode: HeaderDecoder) {
    this.#frame = frame;
    this.#decode = decode;
  }

  get headers(): Readonly<Record<string, unknown>> | undefined {
    if (this.#frame !== undefined) {
      this.#headers = this.#decode(this.#frame);
      this.#frame = undefined;
    }
    return this.#headers;
  }
}

/** Where one header frame lies. */
export interface HeaderPlace {
  readonly headerFrameAt: number;
  /** Two bytes of flags, and what they announce. */
  readonly propertiesAt: number;
  /** One byte before the end of the frame. */
  readonly propertiesEnd: number;
}

/** Keeps what it has read last, because many producers send all messages with the same properties. */
export class PropertiesReader {
  readonly #decode: HeaderDecoder;
  #last: DeliveryProperties | undefined;
  /** Where `#last` arrived. Holding that chunk until the next message costs less than a copy of each. */
  #lastBytes = EMPTY;
  #lastStart = 0;
  #lastEnd = 0;
  #contentType = '';
  #contentTypeBytes = EMPTY;
  #bytes = EMPTY;
  #at = 0;
  #end = 0;

  constructor(decode: HeaderDecoder) {
    this.#decode = decode;
  }

  /** @returns Undefined when they are not what AMQP describes; amqplib then decides what becomes of them. */
  read(bytes: Buffer, place: HeaderPlace): DeliveryProperties | undefined {
    const { propertiesAt, propertiesEnd } = place;
    const last = this.#last;
    if (last !== undefined && this.#isLast(bytes, propertiesAt, propertiesEnd)) return last;
    const flags = bytes.readUInt16BE(propertiesAt);
    this.#bytes = bytes;
    this.#at = propertiesAt + 2;
    this.#end = propertiesEnd;
    const properties = this.#readAll(flags, place);
    if (this.#at !== propertiesEnd) return undefined;
    this.#last = properties;
    this.#lastBytes = bytes;
    this.#lastStart = propertiesAt;
    this.#lastEnd = propertiesEnd;
    return properties;
  }

  #isLast(bytes: Buffer, start: number, end: number): boolean {
    if (end - start !== this.#lastEnd - this.#lastStart) return false;
    const last = this.#lastBytes;
    const shift = this.#lastStart - start;
    for (let at = start; at < end; at++) if (bytes[at] !== last[at + shift]) return false;
    return true;
  }

  /** In the order in which AMQP writes them. Whoever calls must check that they end where the frame does. */
  #readAll(flags: number, place: HeaderPlace): DeliveryProperties {
    const { headerFrameAt, propertiesEnd } = place;
    // A copy, because it may be held for as long as a batch, and must not hold all that arrived with it.
    const frame =
      (flags & FLAGS.headers) === 0
        ? undefined
        : Buffer.from(this.#bytes.subarray(headerFrameAt, propertiesEnd + 1));
    const read = new DeliveryProperties(frame, this.#decode);
    if ((flags & FLAGS.contentType) !== 0) read.contentType = this.#readContentType();
    if ((flags & FLAGS.contentEncoding) !== 0) read.contentEncoding = this.#readText();
    if ((flags & FLAGS.headers) !== 0) this.#skipTable();
    if ((flags & FLAGS.deliveryMode) !== 0) read.deliveryMode = this.#bytes[this.#at++];
    if ((flags & FLAGS.priority) !== 0) read.priority = this.#bytes[this.#at++];
    if ((flags & FLAGS.correlationId) !== 0) read.correlationId = this.#readText();
    if ((flags & FLAGS.replyTo) !== 0) read.replyTo = this.#readText();
    if ((flags & FLAGS.expiration) !== 0) read.expiration = this.#readText();
    if ((flags & FLAGS.messageId) !== 0) read.messageId = this.#readText();
    if ((flags & FLAGS.timestamp) !== 0) read.timestamp = this.#readTimestamp();
    if ((flags & FLAGS.type) !== 0) read.type = this.#readText();
    if ((flags & FLAGS.userId) !== 0) read.userId = this.#readText();
    if ((flags & FLAGS.appId) !== 0) read.appId = this.#readText();
    if ((flags & FLAGS.clusterId) !== 0) read.clusterId = this.#readText();
    return read;
  }

  #readText(): string {
    const start = this.#at + 1;
    this.#at = start + (this.#bytes[this.#at] ?? 0);
    return this.#bytes.toString('utf8', start, this.#at);
  }

  /** Most messages have the same one, whatever else differs. */
  #readContentType(): string {
    const known = this.#contentTypeBytes;
    const start = this.#at + 1;
    const length = this.#bytes[this.#at] ?? 0;
    if (length === known.length && isAt(this.#bytes, start, known)) {
      this.#at = start + length;
      return this.#contentType;
    }
    this.#contentType = this.#readText();
    this.#contentTypeBytes = Buffer.from(this.#bytes.subarray(start, this.#at));
    return this.#contentType;
  }

  #skipTable(): void {
    const start = this.#at + 4;
    this.#at = start > this.#end ? start : start + this.#bytes.readUInt32BE(this.#at);
  }

  #readTimestamp(): number {
    const start = this.#at;
    this.#at += 8;
    if (this.#at > this.#end) return 0;
    return uint64At(this.#bytes, start);
  }
}

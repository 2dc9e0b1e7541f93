/** Finds a plain delivery in the bytes of an AMQP connection: the frames of one method, one header and at most one body. */

/**
 * What the bytes begin with:
 * - `whole`: a delivery of the consumer, of which everything has arrived;
 * - `partial`: less than a frame, or such a delivery of which something is missing;
 * - `other`: anything else.
 */
export type Front = 'whole' | 'partial' | 'other';

const METHOD_FRAME = 1;
const HEADER_FRAME = 2;
const BODY_FRAME = 3;
const FRAME_END = 0xce;
/** Type, channel and size. */
const FRAME_HEAD_BYTES = 7;
/** The class and the method of `basic.deliver`. */
const DELIVER = [0, 60, 0, 60];
const CLASS_BASIC = 60;
/** Class, weight, and size of the body. */
const HEADER_FIXED_BYTES = 12;
const TEXT_BYTES_MAX = 255;
/** Of a method frame: its names and numbers. */
const METHOD_BYTES_MAX = 4 + 3 * (1 + TEXT_BYTES_MAX) + 8 + 1;
/** A larger header or body is none of the usual ones, and nothing is gained by waiting for it. */
const HEADER_BYTES_MAX = 16 * 1024;
const BODY_BYTES_MAX = 256 * 1024;

/** Finds deliveries of one consumer. Where the last one lies stays in its fields, because one object each would cost more. */
export class PlainDeliveryFinder {
  readonly #channelId: number;
  /** What the method frame of each delivery begins with: class, method, length and text of the consumer tag. */
  readonly #begin: Buffer;
  /** The delivery tag, in eight bytes. Behind it, one byte: whether it was redelivered. */
  tagAt = 0;
  /** Two texts, each with its length before it: exchange and routing key. */
  addressAt = 0;
  addressEnd = 0;
  headerFrameAt = 0;
  /** Two bytes of flags, and the properties. */
  propertiesAt = 0;
  propertiesEnd = 0;
  bodyAt = 0;
  bodyEnd = 0;
  end = 0;

  constructor(channelId: number, consumerTag: string) {
    const tag = Buffer.from(consumerTag);
    this.#channelId = channelId;
    this.#begin = Buffer.from([...DELIVER, tag.length, ...tag]);
  }

  /** Looks at what begins at `at`. */
  find(bytes: Buffer, at: number): Front {
    let found = this.#findMethod(bytes, at);
    if (found !== 'whole') return found;
    found = this.#findHeader(bytes, this.headerFrameAt);
    if (found !== 'whole') return found;
    return this.#findBody(bytes, this.propertiesEnd + 1);
  }

  #findMethod(bytes: Buffer, at: number): Front {
    const begin = this.#begin;
    const front = this.#findFrame(bytes, at, METHOD_FRAME, METHOD_BYTES_MAX);
    if (front !== 'whole') return front;
    let place = at + FRAME_HEAD_BYTES;
    const end = this.end - 1;
    if (end - place < begin.length) return 'other';
    if (!isAt(bytes, place, begin)) return 'other';
    place += begin.length;
    this.tagAt = place;
    this.addressAt = place + 9;
    place = this.addressAt;
    if (place >= end) return 'other';
    place += 1 + (bytes[place] ?? 0);
    if (place >= end) return 'other';
    place += 1 + (bytes[place] ?? 0);
    if (place !== end) return 'other';
    this.addressEnd = end;
    this.headerFrameAt = this.end;
    return 'whole';
  }

  #findHeader(bytes: Buffer, at: number): Front {
    const front = this.#findFrame(bytes, at, HEADER_FRAME, HEADER_BYTES_MAX);
    if (front !== 'whole') return front;
    const place = at + FRAME_HEAD_BYTES;
    this.propertiesAt = place + HEADER_FIXED_BYTES;
    this.propertiesEnd = this.end - 1;
    if (this.propertiesAt + 2 > this.propertiesEnd) return 'other';
    return bytes[place] === 0 && bytes[place + 1] === CLASS_BASIC ? 'whole' : 'other';
  }

  #findBody(bytes: Buffer, at: number): Front {
    this.bodyAt = at;
    this.bodyEnd = at;
    const sizeAt = this.propertiesAt - 8;
    if (bytes.readUInt32BE(sizeAt) !== 0) return 'other';
    const size = bytes.readUInt32BE(sizeAt + 4);
    // Nothing follows an empty body.
    if (size === 0) return 'whole';
    if (size > BODY_BYTES_MAX) return 'other';
    if (bytes.length < at + FRAME_HEAD_BYTES) return 'partial';
    if (bytes.readUInt32BE(at + 3) !== size) return 'other';
    const front = this.#findFrame(bytes, at, BODY_FRAME, BODY_BYTES_MAX);
    this.bodyAt = at + FRAME_HEAD_BYTES;
    this.bodyEnd = this.bodyAt + size;
    return front;
  }

  /** Whether a frame of the channel begins at `at`. If it is whole, `end` is where the next one does. */
  #findFrame(bytes: Buffer, at: number, type: number, bytesMax: number): Front {
    if (bytes.length < at + FRAME_HEAD_BYTES) return 'partial';
    if (bytes[at] !== type || bytes.readUInt16BE(at + 1) !== this.#channelId) return 'other';
    const size = bytes.readUInt32BE(at + 3);
    if (size > bytesMax) return 'other';
    const end = at + FRAME_HEAD_BYTES + size;
    if (end >= bytes.length) return 'partial';
    this.end = end + 1;
    return bytes[end] === FRAME_END ? 'whole' : 'other';
  }
}

/** Whether some known bytes are at `at`. For so few, a call of `compare` would cost more. */
export function isAt(bytes: Buffer, at: number, known: Buffer): boolean {
  for (let index = 0; index < known.length; index++) {
    if (bytes[at + index] !== known[index]) return false;
  }
  return true;
}

/** Eight bytes as a number, rounded as `Number(bigint)` would. */
export function uint64At(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

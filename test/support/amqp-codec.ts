/** AMQP as bytes: amqplib's own encoding, which it does not export, and two frames that only a broker sends. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const library = dirname(require.resolve('amqplib'));

const { encodeTable, decodeFields } = require(join(library, 'lib/codec.js')) as {
  encodeTable: (target: Buffer, table: object, offset: number) => number;
  decodeFields: (source: Buffer) => Record<string, unknown>;
};
const { encodeProperties } = require(join(library, 'lib/defs.js')) as {
  encodeProperties: (id: number, channel: number, size: number, fields: object) => Buffer;
};

const BASIC_PROPERTIES = 60;

/** Headers as a consumer would receive them. Throws where sending them would. */
export function throughTheWire(headers: object): Record<string, unknown> {
  const buffer = Buffer.alloc(64 * 1024);
  const length = encodeTable(buffer, headers, 0);
  return decodeFields(buffer.subarray(4, length));
}

/** The bytes of headers, without their size. */
export function tableBytes(headers: object): Buffer {
  const buffer = Buffer.alloc(64 * 1024);
  return Buffer.from(buffer.subarray(4, encodeTable(buffer, headers, 0)));
}

/** Encodes a message's properties. Throws where publishing would. */
export function encodeMessageProperties(properties: object): Buffer {
  return encodeProperties(BASIC_PROPERTIES, 1, 0, properties);
}

/** The frame with which a broker that is low on memory says that it has stopped reading. */
export const BLOCKED_FRAME = methodFrame(60, Buffer.from('\x06memory'));
/** The frame with which the broker says that it is reading again. */
export const UNBLOCKED_FRAME = methodFrame(61, Buffer.alloc(0));

function methodFrame(methodId: number, fields: Buffer): Buffer {
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 4 + fields.length, 0, 10, 0, methodId]);
  return Buffer.concat([head, fields, Buffer.from([0xce])]);
}

interface ReadFrame {
  fields?: Record<string, unknown>;
  content?: Buffer;
}

/** The part of amqplib's connection that reads frames, fed with bytes that arrive in pieces. */
export function createFrameReader(bytes: Buffer, pieceBytes: number) {
  const { Connection } = require(join(library, 'lib/connection.js')) as {
    Connection: { prototype: { recvFrame: () => ReadFrame | false } };
  };
  let offset = 0;
  const stream = {
    read() {
      if (offset >= bytes.length) return null;
      const piece = bytes.subarray(offset, offset + pieceBytes);
      offset += piece.length;
      return piece;
    },
  };
  const reader = Object.create(Connection.prototype) as { recvFrame: () => ReadFrame | false };
  return Object.assign(reader, { stream, rest: Buffer.alloc(0), maxFrameSize: 0 });
}

const CONTENT_TYPE_HEADERS_MODE_ID = 0x8000 | 0x2000 | 0x1000 | 0x0080;

/** The header and body frames of a message. @param message Its headers as bytes, or all its properties. */
export function messageFrames(message: {
  readonly table?: Buffer;
  readonly flags?: number;
  readonly properties?: Buffer;
  readonly body: string;
}): Buffer {
  const { table = Buffer.alloc(0), flags = CONTENT_TYPE_HEADERS_MODE_ID } = message;
  const tableSize = Buffer.alloc(4);
  tableSize.writeUInt32BE(table.length);
  const properties =
    message.properties ??
    Buffer.concat([Buffer.from('\x0atext/plain'), tableSize, table, Buffer.from('\x02\x02id')]);
  const head = Buffer.alloc(14);
  head.writeUInt16BE(BASIC_PROPERTIES, 0);
  head.writeUInt32BE(Buffer.byteLength(message.body), 8);
  head.writeUInt16BE(flags, 12);
  return Buffer.concat([
    frameOf(2, Buffer.concat([head, properties])),
    frameOf(3, Buffer.from(message.body)),
  ]);
}

/** One frame, of channel 1 unless it is told otherwise. */
export function frameOf(type: number, payload: Buffer, channel = 1): Buffer {
  const head = Buffer.from([type, 0, channel, 0, 0, 0, 0]);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
}

/** A table with one header, nested in arrays or tables. */
export function nestedTable(depth: number, kind: 'A' | 'F'): Buffer {
  let value = Buffer.from('V');
  for (let level = 0; level < depth; level++) {
    const content = kind === 'A' ? value : Buffer.concat([Buffer.from('\x01k'), value]);
    const head = Buffer.alloc(5);
    head.write(kind);
    head.writeUInt32BE(content.length, 1);
    value = Buffer.concat([head, content]);
  }
  return Buffer.concat([Buffer.from('\x01h'), value]);
}

/** A text of AMQP, with its length before it. */
export function shortText(text: Buffer): Buffer {
  return Buffer.concat([Buffer.from([text.length]), text]);
}

/** The frame with which the broker announces, on channel 1, a message with this routing key. */
export function deliverFrame(routingKey: Buffer): Buffer {
  const tagAndFlag = Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, 0]);
  const fields = [
    shortText(Buffer.from('consumer')),
    tagAndFlag,
    shortText(Buffer.from('pulses.dead')),
  ];
  return frameOf(1, Buffer.concat([Buffer.from([0, 60, 0, 60]), ...fields, shortText(routingKey)]));
}

/** The frame that announces, on channel 1, a message for a queue. */
export function publishFrame(queue: string): Buffer {
  const key = Buffer.concat([Buffer.from([Buffer.byteLength(queue)]), Buffer.from(queue)]);
  return frameOf(1, Buffer.concat([Buffer.from([0, 60, 0, 40, 0, 0, 0]), key, Buffer.from([0])]));
}

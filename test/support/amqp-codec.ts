/** AMQP as bytes: amqplib's own encoding, which it does not export, and two frames of the broker. */
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

/** Encodes a message's properties. Throws where publishing would. */
export function encodeMessageProperties(properties: object): Buffer {
  return encodeProperties(BASIC_PROPERTIES, 1, 0, properties);
}

/** The frame with which a broker that is short of memory says that it has stopped reading. */
export const BLOCKED_FRAME = methodFrame(60, Buffer.from('\x06memory'));
/** The frame with which the broker says that it reads again. */
export const UNBLOCKED_FRAME = methodFrame(61, Buffer.alloc(0));

function methodFrame(methodId: number, fields: Buffer): Buffer {
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 4 + fields.length, 0, 10, 0, methodId]);
  return Buffer.concat([head, fields, Buffer.from([0xce])]);
}

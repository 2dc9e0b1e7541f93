/**
 * Keeps a message whose headers cannot be read from ending its connection: it loses the headers, and nothing else.
 *
 * amqplib decodes headers while it reads frames. A header that is nested thousands deep, has a type that amqplib does
 * not know, or ends too early makes that fail, and with it the connection, each time the message is delivered.
 */
import type { ChannelModel } from 'amqplib';

/** Marks a message whose headers were left out. */
export const UNREADABLE_HEADERS = 'x-unreadable-headers';

/** No use of headers needs more, and what copies them may be recursive. */
const DEPTH_MAX = 32;

const HEADER_FRAME = 2;
/** Type, channel and size of a frame; class, weight and size of the body before its properties. */
const FRAME_HEAD_BYTES = 7;
const PROPERTIES_AT = FRAME_HEAD_BYTES + 12;
const FRAME_END = 0xce;
const FLAGS = { contentType: 0x8000, contentEncoding: 0x4000, headers: 0x2000 };

interface Frame {
  fields?: { headers?: Record<string, unknown> };
}

/** The parts of amqplib's connection that read frames. */
interface FrameReader {
  /** What has arrived and is not read yet. */
  rest: Buffer;
  recvFrame: () => Frame | false;
}

/** Guards a connection that has just been opened. */
export function guardHeaders({ connection }: ChannelModel): void {
  const reader = connection as unknown as FrameReader;
  const receive = reader.recvFrame.bind(reader);
  // amqplib calls it again when more has arrived, so the frame is whole, at the front, whenever decoding fails.
  reader.recvFrame = () => {
    const before = reader.rest;
    try {
      const frame = receive();
      if (frame !== false && isTooDeep(frame.fields?.headers, DEPTH_MAX)) leaveOut(frame);
      return frame;
    } catch (error) {
      return receiveInstead(reader, { receive, frames: [...readable(before)], error });
    }
  };
}

/** Reads the first of some frames that can be read, in place of the one that cannot. @throws `error` if none can. */
function receiveInstead(
  reader: FrameReader,
  {
    receive,
    frames,
    error,
  }: { readonly receive: () => Frame | false; readonly frames: Buffer[]; readonly error: unknown },
): Frame | false {
  const { rest } = reader;
  for (const bytes of frames) {
    reader.rest = Buffer.concat([bytes, rest]);
    try {
      const frame = receive();
      if (frame !== false) leaveOut(frame);
      return frame;
    } catch {
      reader.rest = rest;
    }
  }
  throw error;
}

function leaveOut(frame: Frame): void {
  frame.fields = { ...frame.fields, headers: { [UNREADABLE_HEADERS]: true } };
}

/** The frame at the front without its headers, then without any property; none if it is not a header frame. */
function* readable(bytes: Buffer): Generator<Buffer> {
  if (bytes.length < PROPERTIES_AT + 2 || bytes.readUInt8(0) !== HEADER_FRAME) return;
  const end = FRAME_HEAD_BYTES + bytes.readUInt32BE(3);
  // A frame without its end was not read at all, and would be in the way again and again.
  if (bytes[end] !== FRAME_END) return;
  const head = bytes.subarray(0, PROPERTIES_AT);
  const flags = bytes.readUInt16BE(PROPERTIES_AT);
  const properties = bytes.subarray(PROPERTIES_AT + 2, end);
  const table = tableOf(flags, properties);
  if (table !== undefined) {
    const kept = [properties.subarray(0, table.start), properties.subarray(table.end)];
    yield toFrame(head, flags & ~FLAGS.headers, Buffer.concat(kept));
  }
  yield toFrame(head, 0, Buffer.alloc(0));
}

/** Where the headers are among the properties. Undefined: there are none, or they do not end. */
function tableOf(
  flags: number,
  properties: Buffer,
): { readonly start: number; readonly end: number } | undefined {
  if ((flags & FLAGS.headers) === 0) return undefined;
  let start = 0;
  for (const text of [FLAGS.contentType, FLAGS.contentEncoding]) {
    if ((flags & text) !== 0) start += 1 + (properties[start] ?? 0);
  }
  if (start + 4 > properties.length) return undefined;
  const end = start + 4 + properties.readUInt32BE(start);
  return end > properties.length ? undefined : { start, end };
}

function toFrame(head: Buffer, flags: number, properties: Buffer): Buffer {
  const frame = Buffer.concat([head, Buffer.alloc(2), properties, Buffer.from([FRAME_END])]);
  frame.writeUInt16BE(flags, PROPERTIES_AT);
  frame.writeUInt32BE(frame.length - FRAME_HEAD_BYTES - 1, 3);
  return frame;
}

function isTooDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member) => isTooDeep(member, levels - 1));
}

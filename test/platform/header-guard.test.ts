import type { ChannelModel } from 'amqplib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { guardHeaders, UNREADABLE_HEADERS } from '../../src/platform/header-guard.ts';
import { toDeadLetterPublication } from '../../src/contract/dead-letter.ts';
import { toOptions } from '../../src/publish/amqp-terms.ts';
import { fromDelivery } from '../../src/quarantine/dead-letter.ts';
import { toParkedPublication } from '../../src/quarantine/parked-publication.ts';
import {
  createFrameReader,
  deliverFrame,
  encodeMessageProperties,
  messageFrames,
  nestedTable,
} from '../support/amqp-codec.ts';

/** A field of a table, from its type and bytes: any type that AMQP or RabbitMQ has, and some that neither has. */
const arbitraryField = fc
  .tuple(
    fc.constantFrom(...Array.from('tbBsuIilLfdDSxATFVZ')),
    fc.uint8Array({ maxLength: 60 }),
    fc.uint8Array({ maxLength: 20 }),
    fc.boolean(),
  )
  .map(([type, bytes, name, isWhole]) => {
    const value = Buffer.from(bytes);
    const sizes: Record<string, number> = { V: 0, t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4 };
    const size = Buffer.alloc(4);
    size.writeUInt32BE(value.length);
    const text = Buffer.concat([size, value]);
    const fixed = Buffer.concat([value, Buffer.alloc(9)]).subarray(0, sizes[type] ?? 8);
    const content = 'SxAF'.includes(type) ? text : type === 'D' ? text.subarray(0, 5) : fixed;
    const key = Buffer.concat([Buffer.from([name.length]), Buffer.from(name)]);
    return Buffer.concat([key, Buffer.from(type), isWhole ? content : content.subarray(0, 3)]);
  });

const UNREADABLE = { [UNREADABLE_HEADERS]: true };

/** Reads frames as a guarded connection does; they arrive in pieces. */
function read(bytes: Buffer, pieceBytes = bytes.length) {
  const reader = createFrameReader(bytes, pieceBytes);
  guardHeaders({ connection: reader } as unknown as ChannelModel);
  const frames: { fields?: Record<string, unknown>; content?: Buffer }[] = [];
  for (;;) {
    const frame = reader.recvFrame();
    if (frame === false) return frames;
    frames.push(frame);
  }
}

test('valid headers arrive as they were sent', () => {
  const table = Buffer.concat([Buffer.from('\x01a'), Buffer.from('t\x01')]);
  const [header, body] = read(messageFrames({ table, body: 'text' }));
  expect(header?.fields).toMatchObject({ contentType: 'text/plain', headers: { a: true } });
  expect(body?.content?.toString()).toBe('text');
});

test.each([
  [33, 'A'],
  [33, 'F'],
  [9_000, 'A'],
  [9_000, 'F'],
] as const)('headers nested %i deep (%s) are left out, and the message arrives', (depth, kind) => {
  const table = nestedTable(depth, kind);
  const frames = read(messageFrames({ table, body: 'text' }), 4_096);
  const [header, body] = frames;
  expect(header?.fields).toMatchObject({
    contentType: 'text/plain',
    deliveryMode: 2,
    messageId: 'id',
    headers: UNREADABLE,
  });
  expect(header?.fields?.headers).toEqual(UNREADABLE);
  expect(body?.content?.toString()).toBe('text');
});

test.each([1 << 20, 1])('a frame that does not end is an error, in pieces of %i', (pieceBytes) => {
  const bytes = messageFrames({ table: Buffer.alloc(0), body: '' });
  bytes.writeUInt32BE(bytes.readUInt32BE(3) - 1, 3);
  const reader = createFrameReader(bytes, pieceBytes);
  guardHeaders({ connection: reader } as unknown as ChannelModel);
  expect(() => reader.recvFrame()).toThrow('Invalid frame');
});

test('32 levels are read', () => {
  const [header] = read(messageFrames({ table: nestedTable(31, 'A'), body: '' }));
  expect(header?.fields?.headers).toHaveProperty('h');
});

test('whatever the headers are, the message arrives, and so does the next one', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 400 }),
      (table, size) => {
        const first = messageFrames({ table: Buffer.from(table), body: 'first' });
        const second = messageFrames({ table: Buffer.alloc(0), body: 'second' });
        const frames = read(Buffer.concat([first, second]), size);
        expect(frames.map(({ content }) => content?.toString())).toEqual([
          undefined,
          'first',
          undefined,
          'second',
        ]);
        expect(frames[0]?.fields?.messageId).toBe('id');
      },
    ),
    { numRuns: 500 },
  );
});

test('whatever the properties are, the bodies arrive', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff }),
      fc.uint8Array({ maxLength: 100 }),
      (flags, bytes) => {
        const first = messageFrames({
          flags: flags & ~1,
          properties: Buffer.from(bytes),
          body: 'first',
        });
        expect(read(first).at(-1)?.content?.toString()).toBe('first');
      },
    ),
    { numRuns: 500 },
  );
});

test('whatever the fields of the headers and the routing key are, what arrives can be refused, stored and parked', () => {
  let readable = 0;
  const property = fc.property(
    fc.array(arbitraryField, { maxLength: 6 }),
    // A long key that is not UTF-8 grows beyond AMQP's limit when it is decoded.
    fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.uint8Array({ minLength: 200, maxLength: 255, size: 'max' }),
    ),
    fc.integer({ min: 1, max: 600 }),
    (fields, routingKey, pieceBytes) => {
      const message = messageFrames({ table: Buffer.concat(fields), body: 'body' });
      const bytes = Buffer.concat([deliverFrame(Buffer.from(routingKey)), message]);
      const [deliver, header, body] = read(bytes, pieceBytes);
      expect(body?.content?.toString()).toBe('body');
      const delivery = {
        content: Buffer.from('body'),
        fields: deliver?.fields as { exchange: string; routingKey: string; redelivered: boolean },
        properties: header?.fields ?? {},
      };
      const headers: object = header?.fields?.headers ?? {};
      if (!(UNREADABLE_HEADERS in headers)) readable++;
      expect(
        () => JSON.parse(fromDelivery(delivery, 'pulses').headersJson) as unknown,
      ).not.toThrow();
      const rejection = { reason: 'unknown' as const, detail: 'refused' };
      for (const publication of [
        toDeadLetterPublication('dead', { rejection, delivery, body: delivery.content }),
        toParkedPublication(delivery, { queue: 'pulses', reason: 'refused' }),
      ]) {
        expect(Buffer.byteLength(publication.routingKey)).toBeLessThanOrEqual(255);
        const options = toOptions(publication);
        expect(encodeMessageProperties(options).length).toBeGreaterThan(0);
      }
    },
  );
  fc.assert(property, { numRuns: 1_000 });
  // Both kinds must occur, or this test shows nothing.
  expect(readable).toBeGreaterThan(100);
  expect(readable).toBeLessThan(1_000);
});

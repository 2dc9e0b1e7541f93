import type { ChannelModel } from 'amqplib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { guardHeaders, UNREADABLE_HEADERS } from '../../src/platform/header-guard.ts';
import { createFrameReader, messageFrames, nestedTable } from '../support/amqp-codec.ts';

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

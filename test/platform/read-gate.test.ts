import { EventEmitter, once } from 'node:events';
import type { ChannelModel } from 'amqplib';
import { expect, test } from 'vitest';
import { createReadGate } from '../../src/platform/read-gate.ts';
import { createFrameReader, messageFrames } from '../support/amqp-codec.ts';

function setUp() {
  const bytes = messageFrames({ table: Buffer.alloc(0), body: 'text' });
  const reader = Object.assign(createFrameReader(bytes, bytes.length), {
    recvSinceLastCheck: false,
  });
  const stream = Object.assign(new EventEmitter(), reader.stream);
  reader.stream = stream;
  const gate = createReadGate({ connection: reader } as unknown as ChannelModel);
  return { stream, reader, gate };
}

test('nothing is read while the gate is closed, and all of it afterwards', async () => {
  const { stream, reader, gate } = setUp();
  gate.close();
  expect(reader.recvFrame()).toBe(false);
  const told = once(stream, 'readable');
  gate.open();
  await told;
  expect(reader.recvFrame()).toBeTruthy();
});

test('a broker that is not read does not count as silent', () => {
  const { reader, gate } = setUp();
  gate.close();
  expect(reader.recvSinceLastCheck).toBe(true);
  gate.open();
  expect(reader.recvSinceLastCheck).toBe(false);
  reader.recvSinceLastCheck = true;
  expect(reader.recvSinceLastCheck).toBe(true);
});

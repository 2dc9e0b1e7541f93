/** The same bytes, with the filter and without it: consumers must see the same, and the broker must hear the same. */
import type { Channel, ConsumeMessage } from 'amqplib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDeliveryFilter } from '../../src/platform/delivery-filter.ts';
import { DeliveryProperties } from '../../src/platform/delivery-properties.ts';
import { guardHeaders } from '../../src/platform/header-guard.ts';
import {
  arbitraryStep,
  deliveryBytes,
  PLAIN,
  type Delivered,
  type Step,
} from './delivery-steps.ts';
import { BLOCKED_FRAME, frameOf, shortText, UNBLOCKED_FRAME } from '../support/amqp-codec.ts';
import { methodOf, openScripted } from '../support/scripted-broker.ts';

const NAMES = [
  ...['contentType', 'contentEncoding', 'headers', 'deliveryMode', 'priority', 'correlationId'],
  ...['replyTo', 'expiration', 'messageId', 'timestamp', 'type', 'userId', 'appId', 'clusterId'],
] as const;
const HEARTBEAT = frameOf(8, Buffer.alloc(0), 0);

/** All that a consumer can read of a message. */
function seenOf(consumer: string, message: ConsumeMessage | null): unknown {
  if (message === null) return { consumer, cancelled: true };
  const { fields, properties, content } = message;
  const given = properties as unknown as Record<string, unknown>;
  const read = Object.fromEntries(NAMES.map((name) => [name, given[name]]));
  return { consumer, fields: { ...fields }, properties: read, content: content.toString('hex') };
}

async function openClient(isFiltered: boolean) {
  const broker = await openScripted();
  const { model } = broker;
  guardHeaders(model);
  const filter = isFiltered ? createDeliveryFilter(model) : undefined;
  const seen: unknown[] = [];
  const counts = { cut: 0, passed: 0 };
  const note = (what: string) => (error?: Error | string) => {
    seen.push([what, error instanceof Error ? error.message : error]);
  };
  for (const event of ['error', 'close', 'blocked', 'unblocked']) model.on(event, note(event));

  const openChannel = async (): Promise<Channel> => {
    const channel = await broker.answered(model.createChannel());
    channel.on('error', note('channel error'));
    channel.on('close', note('channel close'));
    return channel;
  };
  const consume = (channel: Channel, consumer: string, tag: string): Promise<unknown> => {
    const follow = consumer === 'ours' ? filter?.watch(channel) : undefined;
    const onMessage = (message: ConsumeMessage | null): void => {
      seen.push(seenOf(consumer, message));
      if (message === null) return;
      counts[message.properties instanceof DeliveryProperties ? 'cut' : 'passed'] += 1;
      if (message.content.toString() === 'throw') throw new Error('The consumer threw.');
    };
    const asked = channel.consume('queue', onMessage, { consumerTag: tag });
    return asked.then(({ consumerTag }) => follow?.(consumerTag));
  };
  const first = await openChannel();
  await broker.answered(consume(first, 'ours', 'ours'));
  await broker.answered(consume(first, 'other', 'other'));
  const second = await openChannel();
  await broker.answered(consume(second, 'third', 'third'));
  return { broker, seen, counts, note, openChannel, consume, channel: first };
}

/** Everything that happened while a client went through some steps. */
async function runSteps(steps: readonly Step[], pieces: readonly number[], isFiltered: boolean) {
  const client = await openClient(isFiltered);
  const { broker, seen, counts, note, consume } = client;
  let { channel } = client;
  const act = (what: string, action: () => unknown): void => {
    try {
      const acting = action();
      if (!(acting instanceof Promise)) return;
      acting.then(() => {
        note(what)('done');
      }, note(what));
    } catch (error) {
      note(what)(error as Error);
    }
  };
  for (const step of steps) {
    if (step.kind === 'deliver') broker.say(deliveryBytes(step));
    else if (step.kind === 'bytes') broker.say(step.bytes);
    else {
      await broker.receive(pieces, step.left);
      if (step.kind === 'acknowledge') {
        act('ack', () => {
          channel.ack({ fields: { deliveryTag: step.tag } } as ConsumeMessage, step.tag > 5);
        });
      } else if (step.kind === 'cancel') act('cancel', () => channel.cancel('ours'));
      else {
        act('close', () => channel.close());
        await broker.settle();
        await broker.receive(pieces);
        try {
          channel = await client.openChannel();
          act('consume', () => consume(channel, 'ours', step.tag));
        } catch (error) {
          note('open')(error as Error);
        }
      }
      await broker.settle();
    }
  }
  await broker.receive(pieces);
  await broker.settle();
  return { seen, counts, sent: broker.stream.sent };
}

async function compare(steps: readonly Step[], pieces: readonly number[]) {
  const expected = await runSteps(steps, pieces, false);
  const filtered = await runSteps(steps, pieces, true);
  expect(filtered.seen).toEqual(expected.seen);
  expect(filtered.sent).toBe(expected.sent);
  return filtered.counts;
}

const delivered = (changes: Partial<Delivered> = {}): Step => ({ ...PLAIN, ...changes });

describe('what consumers see and the broker hears is the same with and without the filter', () => {
  test('whatever is delivered, in whatever pieces', async () => {
    const total = { cut: 0, passed: 0 };
    const pieces = fc.oneof(
      fc.constant([1]),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 }),
      fc.constant([65_536]),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryStep, { maxLength: 14 }), pieces, async (steps, sizes) => {
        const counts = await compare(steps, sizes);
        total.cut += counts.cut;
        total.passed += counts.passed;
      }),
      { numRuns: 200 },
    );
    // Both kinds must occur, or this test shows nothing.
    expect(total.cut).toBeGreaterThan(150);
    expect(total.passed).toBeGreaterThan(50);
  }, 120_000);

  test('split in two at every byte', async () => {
    const steps = [delivered({ body: [Buffer.from('first')] }), delivered(), delivered()];
    const length = Buffer.concat(steps.map((step) => deliveryBytes(step as Delivered))).length;
    for (let at = 1; at < length; at++) {
      expect(await compare(steps, [at, length])).toEqual({ cut: 3, passed: 0 });
    }
  });

  test('with any one byte broken', async () => {
    const bytes = deliveryBytes(PLAIN);
    let cut = 0;
    for (const [at, byte] of bytes.entries()) {
      const broken = Buffer.from(bytes);
      broken[at] = byte ^ 1;
      const counts = await compare(
        [delivered(), { kind: 'bytes', bytes: broken }, delivered()],
        [65_536],
      );
      cut += counts.cut;
    }
    expect(cut).toBeGreaterThan(bytes.length);
  });

  test.each([
    ['no body', [], 1],
    ['a body in two frames', [Buffer.from('one'), Buffer.from('two')], 0],
    ['a body of 256 KiB in one frame', [Buffer.alloc(256 * 1024, 'x')], 1],
    ['a larger body', [Buffer.alloc(256 * 1024 + 1, 'x')], 0],
  ])('%s', async (_name, body, cut) => {
    const steps = [delivered(), delivered({ body }), delivered()];
    expect(await compare(steps, [65_536])).toEqual({ cut: 2 + cut, passed: 1 - cut });
  });

  test('a consumer that throws', async () => {
    const steps = [delivered(), delivered({ body: [Buffer.from('throw')] }), delivered()];
    expect(await compare(steps, [65_536])).toEqual({ cut: 2, passed: 0 });
  });

  test('a delivery in the middle of another, which ends the channel', async () => {
    const start = deliveryBytes(PLAIN);
    const cut = start.subarray(0, 8 + start.readUInt32BE(3));
    const steps: Step[] = [delivered(), { kind: 'bytes', bytes: cut }, delivered()];
    expect(await compare(steps, [65_536])).toEqual({ cut: 1, passed: 0 });
  });

  test('a new channel with the number of the last one, and another tag', async () => {
    const steps: Step[] = [
      delivered(),
      { kind: 'reopen', tag: 'again', left: 0 },
      delivered(),
      { kind: 'reopen', tag: 'again', left: 0 },
      delivered({ tag: 'again' }),
      { kind: 'cancel', left: 0 },
      { kind: 'bytes', bytes: Buffer.concat([HEARTBEAT, BLOCKED_FRAME, UNBLOCKED_FRAME]) },
      { kind: 'bytes', bytes: methodOf(1, [60, 30], shortText(Buffer.from('again'))) },
    ];
    await compare(steps, [65_536]);
  });
});

test('what is cut out counts as a sign of life', async () => {
  const { broker, counts } = await openClient(true);
  broker.raw.recvSinceLastCheck = false;
  broker.say(deliveryBytes(PLAIN));
  await broker.receive();
  expect(counts.cut).toBe(1);
  expect(broker.raw.recvSinceLastCheck).toBe(true);
});

test('a body that is too large is not waited for', async () => {
  const { broker } = await openClient(true);
  const bytes = deliveryBytes({ ...PLAIN, body: [Buffer.alloc(300_000)] });
  broker.say(bytes.subarray(0, bytes.length - 300_008));
  await broker.receive();
  expect(broker.raw.rest.length).toBe(0);
});

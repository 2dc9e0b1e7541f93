/** What may happen on a connection with deliveries: arbitrary steps, and the bytes of a delivery. */
import fc from 'fast-check';
import {
  BLOCKED_FRAME,
  frameOf,
  nestedTable,
  shortText,
  tableBytes,
  UNBLOCKED_FRAME,
} from '../support/amqp-codec.ts';
import { deliverOf, headerOf, methodOf } from '../support/scripted-broker.ts';

export interface Delivered {
  readonly kind: 'deliver';
  readonly channel: number;
  readonly tag: string;
  readonly deliveryTag: bigint;
  readonly redelivered: boolean;
  readonly exchange: Buffer;
  readonly key: Buffer;
  readonly flags: number;
  readonly properties: Buffer;
  /** One frame each. */
  readonly body: readonly Buffer[];
  /** What the header says of the body beyond its size. */
  readonly missing: number;
  /** Frames of others, after the method and after the header. */
  readonly between: readonly [Buffer, Buffer];
}

export type Step =
  | Delivered
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Done while so many bytes of what was said before have not arrived. */
  | { readonly kind: 'acknowledge'; readonly tag: number; readonly left: number }
  | { readonly kind: 'cancel'; readonly left: number }
  | { readonly kind: 'reopen'; readonly tag: string; readonly left: number };

const NONE = Buffer.alloc(0);
const HEARTBEAT = frameOf(8, NONE, 0);

/** A delivery as most are. */
export const PLAIN: Delivered = {
  kind: 'deliver',
  channel: 1,
  tag: 'ours',
  deliveryTag: 1n,
  redelivered: false,
  exchange: Buffer.from('pulses'),
  key: Buffer.from('pulses'),
  flags: 0x8000 | 0x1000 | 0x0080,
  properties: Buffer.from('\x10application/json\x02\x02id'),
  body: [Buffer.from('{"body":true}')],
  missing: 0,
  between: [NONE, NONE],
};

export function deliveryBytes(delivery: Delivered): Buffer {
  const { channel, between, body } = delivery;
  const size = body.reduce((sum, { length }) => sum + length, delivery.missing);
  return Buffer.concat([
    deliverOf(channel, delivery),
    between[0],
    headerOf(channel, { ...delivery, size }),
    between[1],
    ...body.map((part) => frameOf(3, part, channel)),
  ]);
}

const bytesOf = (constraints: fc.IntArrayConstraints): fc.Arbitrary<Buffer> =>
  fc.uint8Array(constraints).map((bytes) => Buffer.from(bytes));

const arbitraryText = fc.oneof(
  fc.constantFrom('', 'pulses', 'application/json', 'Zürich').map((text) => Buffer.from(text)),
  bytesOf({ maxLength: 30 }),
  bytesOf({ minLength: 255, maxLength: 255, size: 'max' }),
);

const sized = (table: Buffer): Buffer => {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(table.length);
  return Buffer.concat([size, table]);
};

const arbitraryTable = fc
  .oneof(
    fc
      .dictionary(fc.string({ maxLength: 8 }), fc.oneof(fc.string(), fc.integer(), fc.boolean()))
      .map(tableBytes),
    fc.constant(
      tableBytes({ traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }),
    ),
    fc.constantFrom(nestedTable(31, 'A'), nestedTable(32, 'F'), nestedTable(2_000, 'A')),
    bytesOf({ maxLength: 40 }),
  )
  .map(sized);

const text = arbitraryText.map(shortText);
const octet = bytesOf({ minLength: 1, maxLength: 1 });
const timestamp = fc.oneof(
  fc.constant(Buffer.from('0000000066000000', 'hex')),
  bytesOf({ minLength: 8, maxLength: 8 }),
);
/** In AMQP's order, from the highest flag down. */
const PROPERTIES = [
  ...[text, text, arbitraryTable, octet, octet, text, text],
  ...[text, text, timestamp, text, text, text, text],
];

const arbitraryProperties = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ flags: PLAIN.flags, properties: PLAIN.properties }) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(...PROPERTIES.map((one) => fc.option(one, { freq: 2, nil: undefined })))
      .map((values) => ({
        flags: values.reduce((sum, one, index) => sum | (one ? 0x8000 >> index : 0), 0),
        properties: Buffer.concat(values.filter((one) => one !== undefined)),
      })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      flags: fc.integer({ min: 0, max: 0xffff }),
      properties: bytesOf({ maxLength: 60 }),
    }),
  },
);

const OF_OTHERS = [
  HEARTBEAT,
  deliveryBytes({ ...PLAIN, channel: 2, tag: 'third' }),
  BLOCKED_FRAME,
  UNBLOCKED_FRAME,
];
const between = fc.oneof(
  { weight: 6, arbitrary: fc.constant(NONE) },
  { weight: 1, arbitrary: fc.constantFrom(...OF_OTHERS) },
);

const body = fc.oneof(
  { weight: 6, arbitrary: bytesOf({ minLength: 1, maxLength: 60 }).map((one) => [one]) },
  { weight: 1, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(bytesOf({ maxLength: 20 }), { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constant([Buffer.alloc(4_000, 'x')]) },
);

const arbitraryDelivery: fc.Arbitrary<Step> = fc
  .record({
    consumer: fc.oneof(
      { weight: 6, arbitrary: fc.constant({ channel: 1, tag: 'ours' }) },
      {
        weight: 2,
        arbitrary: fc.constantFrom({ channel: 1, tag: 'other' }, { channel: 2, tag: 'third' }),
      },
    ),
    deliveryTag: fc.oneof(fc.bigInt(1n, 1_000n), fc.bigInt(0n, 2n ** 64n - 1n)),
    redelivered: fc.boolean(),
    exchange: arbitraryText,
    key: arbitraryText,
    header: arbitraryProperties,
    body,
    missing: fc.constant(0),
    between: fc.tuple(between, between),
  })
  .map(({ consumer, header, ...rest }) => ({ kind: 'deliver', ...consumer, ...header, ...rest }));

const left = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 80 }));

const arbitraryAction: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('acknowledge' as const),
    tag: fc.integer({ min: 1, max: 9 }),
    left,
  }),
  fc.record({ kind: fc.constant('cancel' as const), left }),
  fc.record({ kind: fc.constant('reopen' as const), tag: fc.constantFrom('ours', 'new'), left }),
);

/** What no broker should send. */
const arbitraryBreak: fc.Arbitrary<Step> = fc.oneof(
  arbitraryDelivery.chain((step) => {
    const bytes = deliveryBytes(step as Delivered);
    return fc
      .tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }))
      .map(([at, value]): Step => {
        const broken = Buffer.from(bytes);
        broken[at] = value;
        return { kind: 'bytes', bytes: broken };
      });
  }),
  fc.constantFrom<Step>(
    { ...PLAIN, missing: 3 },
    { ...PLAIN, missing: -3 },
    { ...PLAIN, tag: 'nobody' },
    { ...PLAIN, channel: 3 },
    { kind: 'bytes', bytes: frameOf(3, Buffer.from('body'), 1) },
    { kind: 'bytes', bytes: deliverOf(1, PLAIN) },
  ),
);

const others = OF_OTHERS.map((bytes): Step => ({ kind: 'bytes', bytes }));
const cancelled = methodOf(1, [60, 30], Buffer.concat([shortText(Buffer.from('ours')), NONE]));

export const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: arbitraryDelivery },
  { weight: 2, arbitrary: fc.constantFrom(...others) },
  { weight: 2, arbitrary: arbitraryAction },
  { weight: 1, arbitrary: arbitraryBreak },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'bytes', bytes: cancelled }) },
);

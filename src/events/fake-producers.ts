/** What fake producers send, for load tests and to try things out: the same options give the same events. */
import { createRandom, type Random } from '../populate/random.ts';
import type { NewVersion } from './events-query.ts';

/** Each is refused for another reason. */
export const BAD_KINDS = [
  'unknown_type',
  'invalid_data',
  'unknown_client',
  'malformed_json',
  'unknown_producer',
  'invalid_event',
] as const;
type BadKind = (typeof BAD_KINDS)[number];

/** `good` is stored; `duplicate` repeats an earlier good one, byte for byte; the others become dead letters. */
export const FAKE_KINDS = ['good', 'duplicate', ...BAD_KINDS] as const;
export type FakeKind = (typeof FAKE_KINDS)[number];

export interface FakeEvent {
  readonly kind: FakeKind;
  readonly body: Buffer;
  /** Of the publication; unique in a run. */
  readonly messageId: string;
}

export interface FakeEventOptions {
  /** 32 bits. Part of every id. */
  readonly seed: number;
  readonly count: number;
  /** Shares of `count`, together at most 1; the rest is good. */
  readonly bad: number;
  readonly duplicates: number;
  /** At least 1. */
  readonly clients: number;
}

export const FAKE_PRODUCERS = ['fake-1', 'fake-2', 'fake-3'] as const;

type FakeType = Pick<NewVersion, 'name' | 'schema' | 'description'>;

const SENSOR_READ: FakeType = {
  name: 'fake.sensor.read',
  description: 'A sensor that does not exist was read.',
  schema: {
    type: 'object',
    properties: {
      sensor: { type: 'string', minLength: 1, maxLength: 64 },
      celsius: { type: 'number', minimum: -90, maximum: 70 },
      battery: { type: 'integer', minimum: 0, maximum: 100 },
    },
    required: ['sensor', 'celsius'],
  },
};

const INVOICE_PAID: FakeType = {
  name: 'fake.invoice.paid',
  description: 'An invoice that nobody has to pay was paid.',
  schema: {
    type: 'object',
    properties: {
      invoice: { type: 'string', pattern: '^F-[0-9]{1,12}$' },
      total: { type: 'number', exclusiveMinimum: 0 },
      currency: { enum: ['EUR', 'USD', 'GBP'] },
    },
    required: ['invoice', 'total', 'currency'],
  },
};

export const FAKE_TYPES: readonly FakeType[] = [SENSOR_READ, INVOICE_PAID];

/** @param number From 1. */
export function fakeClient(number: number): string {
  return `fake-client-${number}`;
}

/** Good events that a later duplicate may repeat. */
const REMEMBERED_COUNT = 1_024;
/** One good event in so many is a CloudEvent. */
const CLOUD_EVENT_EVERY = 8;

export function* generateFakeEvents(options: FakeEventOptions): Generator<FakeEvent, void> {
  const { seed, count, bad, duplicates } = options;
  const random = createRandom(seed);
  const remembered: Buffer[] = [];
  let goodCount = 0;
  let badCount = 0;
  for (let index = 0; index < count; index++) {
    const id = `fake-${seed}-${index}`;
    const chance = random.fraction();
    if (chance < bad) {
      const kind = BAD_KINDS[badCount++ % BAD_KINDS.length] ?? 'malformed_json';
      yield { kind, messageId: id, body: badBody(kind, goodEvent(id, random, options)) };
      continue;
    }
    const original = remembered[random.below(Math.max(1, remembered.length))];
    if (chance < bad + duplicates && original !== undefined) {
      yield { kind: 'duplicate', messageId: id, body: original };
      continue;
    }
    const event = goodEvent(id, random, options);
    const isCloudEvent = random.below(CLOUD_EVENT_EVERY) === 0;
    const body = Buffer.from(JSON.stringify(isCloudEvent ? toCloudEvent(event) : event));
    remembered[goodCount++ % REMEMBERED_COUNT] = body;
    yield { kind: 'good', messageId: id, body };
  }
}

interface SentEvent {
  readonly id: string;
  readonly producer: string;
  readonly type: string;
  readonly client: string;
  readonly data: Readonly<Record<string, unknown>>;
}

function goodEvent(id: string, random: Random, { clients }: FakeEventOptions): SentEvent {
  const producer = FAKE_PRODUCERS[random.below(FAKE_PRODUCERS.length)] ?? FAKE_PRODUCERS[0];
  const client = fakeClient(1 + random.below(clients));
  if (random.below(2) === 0) {
    const sensor = `sensor-${random.below(100)}`;
    const celsius = (random.below(1_600) - 900) / 10;
    const data = { sensor, celsius, battery: random.below(101) };
    return { id, producer, type: SENSOR_READ.name, client, data };
  }
  const invoice = `F-${random.below(1_000_000_000)}`;
  const currency = ['EUR', 'USD', 'GBP'][random.below(3)];
  const data = { invoice, total: (1 + random.below(1_000_000)) / 100, currency };
  return { id, producer, type: INVOICE_PAID.name, client, data };
}

function toCloudEvent({ id, producer, type, client, data }: SentEvent): object {
  return { specversion: '1.0', id, source: producer, type, subject: client, data };
}

function badBody(kind: BadKind, good: SentEvent): Buffer {
  switch (kind) {
    case 'unknown_type':
      return toBody({ ...good, type: 'fake.unknown' });
    case 'unknown_client':
      return toBody({ ...good, client: 'fake-nobody' });
    case 'unknown_producer':
      return toBody({ ...good, producer: 'fake-stranger' });
    case 'invalid_data':
      return toBody({ ...good, data: { ...good.data, celsius: 'warm', total: -1 } });
    case 'invalid_event': {
      const { client, ...rest } = good;
      return toBody({ ...rest, customer: client });
    }
    case 'malformed_json':
      return Buffer.from(JSON.stringify(good).slice(0, -2));
  }
}

function toBody(event: object): Buffer {
  return Buffer.from(JSON.stringify(event));
}

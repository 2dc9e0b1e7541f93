import { expect, test } from 'vitest';
import { compileEventSchema } from '../../src/events/json-schema/event-schema.ts';
import { parseEvent } from '../../src/events/events.ts';
import {
  BAD_KINDS,
  FAKE_PRODUCERS,
  FAKE_TYPES,
  generateFakeEvents,
  type FakeEvent,
  type FakeEventOptions,
} from '../../src/events/fake-producers.ts';

const OPTIONS = { seed: 7, count: 5_000, bad: 0.1, duplicates: 0.05, clients: 3 };
const CLIENTS = ['fake-client-1', 'fake-client-2', 'fake-client-3'];
const SCHEMAS = new Map(FAKE_TYPES.map(({ name, schema }) => [name, compileEventSchema(schema)]));

function generate(options: Partial<FakeEventOptions> = {}): FakeEvent[] {
  return [...generateFakeEvents({ ...OPTIONS, ...options })];
}

function bytesOf(events: readonly FakeEvent[]): string {
  return events
    .map(({ kind, messageId, body }) => `${kind} ${messageId} ${body.toString()}`)
    .join('\n');
}

/** What becomes of an event when only the fakes are registered. */
function judge({ body }: FakeEvent): string {
  const text = body.toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'malformed_json';
  }
  const parsed = parseEvent(value, () => text);
  if (!parsed.ok) return parsed.failure.code;
  const { producer, type, client, data } = parsed.event;
  if (!FAKE_PRODUCERS.some((id) => id === producer)) return 'unknown_producer';
  const schema = SCHEMAS.get(type);
  if (schema === undefined) return 'unknown_type';
  if (!CLIENTS.includes(client)) return 'unknown_client';
  return schema.validate(data).ok ? 'good' : 'invalid_data';
}

test('the same options give the same bytes, and another seed other events', () => {
  expect(bytesOf(generate())).toBe(bytesOf(generate()));
  const ids = new Set(generate().map(({ messageId }) => messageId));
  expect(ids.size).toBe(OPTIONS.count);
  expect(generate({ seed: 8 }).some(({ messageId }) => ids.has(messageId))).toBe(false);
});

test('a longer run begins with the shorter one', () => {
  expect(bytesOf(generate().slice(0, 100))).toBe(bytesOf(generate({ count: 100 })));
});

test('there are about as many of each kind as asked for', () => {
  const events = generate();
  const shareOf = (kinds: readonly string[]) =>
    events.filter(({ kind }) => kinds.includes(kind)).length / events.length;
  expect(shareOf(BAD_KINDS)).toBeCloseTo(0.1, 1);
  expect(shareOf(['duplicate'])).toBeCloseTo(0.05, 1);
  for (const kind of BAD_KINDS) expect(shareOf([kind])).toBeCloseTo(0.1 / BAD_KINDS.length, 2);
  expect(new Set(generate({ bad: 0, duplicates: 0 }).map(({ kind }) => kind))).toEqual(
    new Set(['good']),
  );
});

test('a good event is accepted, and a bad one is refused for what it is called', () => {
  const judged = generate().filter(({ kind }) => kind !== 'duplicate');
  expect(judged.map(judge)).toEqual(judged.map(({ kind }) => kind));
});

test('a duplicate repeats a good event byte for byte, and no other event repeats one', () => {
  const seen = new Set<string>();
  for (const { kind, body } of generate()) {
    const text = body.toString();
    expect(seen.has(text)).toBe(kind === 'duplicate');
    if (kind === 'good') seen.add(text);
  }
});

test('every producer, type and client sends, and some events are CloudEvents', () => {
  const events = generate({ bad: 0, duplicates: 0 }).map(({ body }) => {
    const text = body.toString();
    const parsed = parseEvent(JSON.parse(text), () => text);
    if (!parsed.ok) throw new Error(text);
    return { ...parsed.event, isCloudEvent: text.includes('specversion') };
  });
  expect(new Set(events.map(({ producer }) => producer))).toEqual(new Set(FAKE_PRODUCERS));
  expect(new Set(events.map(({ type }) => type))).toEqual(new Set(SCHEMAS.keys()));
  expect(new Set(events.map(({ client }) => client))).toEqual(new Set(CLIENTS));
  const cloudEvents = events.filter(({ isCloudEvent }) => isCloudEvent).length;
  expect(cloudEvents / events.length).toBeCloseTo(1 / 8, 1);
});

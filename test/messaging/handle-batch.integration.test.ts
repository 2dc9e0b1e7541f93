import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { TransientError } from '../../src/core/errors.ts';
import { handleAll, parse, type BatchHandler } from '../../src/messaging/handle-batch.ts';
import type { BatchOutcome } from '../../src/messaging/handler.ts';
import { fromDelivery, type ReceivedMessage } from '../../src/messaging/message.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';
import { useMessagingFixture, type MessagingFixture, type TestBody } from './messaging-fixture.ts';

const fixture = useMessagingFixture();

/** Inserts values; each `bad` one is impossible, and a `cursed` one fails the whole transaction. */
function batchHandler(): BatchHandler {
  const insert = async (client: PoolClient, values: readonly string[]): Promise<BatchOutcome[]> => {
    if (values.includes('cursed')) await client.query('SELECT 1 / 0');
    const outcomes = values.map((value) =>
      value === 'bad' ? { code: 'bad', detail: 'It is bad.' } : ('done' as const),
    );
    const good = values.filter((value) => value !== 'bad');
    await client.query('INSERT INTO effects SELECT unnest($1::text[])', [good]);
    return outcomes;
  };
  return {
    binding: fixture.binding,
    isIdempotent: true,
    attemptsMax: 1,
    parse: (body) => body,
    async apply({ client }, { body }) {
      await insert(client, [(body as TestBody).value]);
    },
    applyAll: ({ client }, bodies) =>
      insert(
        client,
        bodies.map((body) => (body as TestBody).value),
      ),
  };
}

function received(body: object | string, messageId: string = randomUUID()): ReceivedMessage {
  return fromDelivery(fixture.binding.queue, {
    content: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    fields: { exchange: fixture.binding.exchange, routingKey: 'thing.made', redelivered: false },
    properties: { messageId },
  });
}

const handle = async (messages: readonly ReceivedMessage[], pool = fixture.pool) => {
  const handler = batchHandler();
  const batch = messages.map((message) => ({ message, parsed: parse(handler, message) }));
  const handled = await handleAll(handler, batch, {
    pool,
    logger: pino({ level: 'silent' }),
    tracing: NO_TRACING,
    deadExchange: 'dead',
    signal: new AbortController().signal,
    onStep: () => undefined,
  });
  return handled.map(({ outcome }) => outcome);
};

describe('a batch', () => {
  test('gives each message its own outcome, and commits the dead letters with the effects', async () => {
    const messages = [{ value: 'a' }, { value: 'bad' }, '{"value"', { value: 'b' }].map((body) =>
      received(body),
    );
    expect(await handle(messages)).toEqual(['done', 'impossible', 'impossible', 'done']);
    expect(await fixture.effects()).toEqual(['a', 'b']);
    expect(await fixture.jobCount()).toBe(2);
  });

  test('makes one dead letter of a message that comes again, and one of each with the same id and another body', async () => {
    const id = randomUUID();
    const bad = received({ value: 'bad' }, id);
    const other = received({ value: 'bad', failing: 1 }, id);
    expect(await handle([bad, other, bad])).toEqual(['impossible', 'impossible', 'impossible']);
    expect(await handle([bad])).toEqual(['impossible']);
    expect(await fixture.jobCount()).toBe(2);
  });

  test('that fails is taken apart, so that one message cannot keep the others from being handled', async () => {
    const messages = ['a', 'cursed', 'b'].map((value) => received({ value }));
    expect(await handle(messages)).toEqual(['done', 'exhausted', 'done']);
    expect(await fixture.effects()).toEqual(['a', 'b']);
    expect(await fixture.jobCount()).toBe(1);
  });

  test('is held while Postgres is unavailable', async () => {
    const down = new TransientError('PULSE_POSTGRES_UNREACHABLE', 'Postgres is down.');
    const pool = { connect: () => Promise.reject(down) } as unknown as MessagingFixture['pool'];
    expect(await handle([received({ value: 'a' })], pool)).toEqual(['held']);
  });
});

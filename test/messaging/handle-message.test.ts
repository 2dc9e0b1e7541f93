import type { PoolClient } from 'pg';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { TransientError } from '../../src/core/errors.ts';
import { JSON_VALUES_MAX } from '../../src/core/json-size.ts';
import { handleMessage } from '../../src/messaging/handle-message.ts';
import { defineHandler } from '../../src/messaging/handler.ts';
import type { ReceivedMessage } from '../../src/messaging/message.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';

const RECEIVED: ReceivedMessage = {
  id: 'm-1',
  isNew: false,
  queue: 'orders.processing',
  exchange: 'orders',
  routingKey: 'order.created',
  attempt: 1,
  replayId: undefined,
  body: Buffer.from('{}'),
  correlationId: undefined,
  traceparent: undefined,
  replyTo: undefined,
};

/** Handles a message with a handler that always fails, and keeps the parameters of every statement. */
async function handleFailing(changes: Partial<ReceivedMessage>) {
  const statements: (readonly unknown[])[] = [];
  const parsed: unknown[] = [];
  const client = {
    on: () => client,
    off: () => client,
    release: () => undefined,
    query(sql: string, values: readonly unknown[] = []) {
      statements.push(values);
      return Promise.resolve({ command: sql, rowCount: 1, rows: [] });
    },
  };
  const handler = defineHandler({
    binding: { exchange: 'orders', type: 'topic', queue: RECEIVED.queue, routingKey: '#' },
    parse(body) {
      parsed.push(body);
      throw new TransientError('PULSE_ENRICHMENT_UNAVAILABLE', 'No answer.');
    },
    apply: () => Promise.resolve(),
  });
  const { outcome } = await handleMessage(
    handler,
    { ...RECEIVED, ...changes },
    {
      pool: { connect: () => Promise.resolve(client as unknown as PoolClient) },
      logger: pino({ level: 'silent' }),
      tracing: NO_TRACING,
      deadExchange: 'dead',
      signal: new AbortController().signal,
      onStep: () => undefined,
    },
  );
  const key = statements.find(([task]) => task === 'relay')?.[4];
  return { outcome, parsed, key };
}

test('a retry has a key that graphile-worker takes, however long the ids of the message are', async () => {
  const { outcome, key } = await handleFailing({ id: 'i'.repeat(255), replayId: 'r'.repeat(255) });
  expect(outcome).toBe('retried');
  expect(String(key).length).toBeLessThanOrEqual(512);
});

test('the retries of different messages do not replace each other, those of one do', async () => {
  const keyOf = async (changes: Partial<ReceivedMessage>) => (await handleFailing(changes)).key;
  const keys = await Promise.all([
    keyOf({ id: 'a', replayId: 'b ' }),
    keyOf({ id: 'a b', replayId: undefined }),
    keyOf({ id: 'a b', attempt: 2 }),
    keyOf({ id: 'a b', queue: 'orders.enrichment' }),
  ]);
  expect(new Set(keys).size).toBe(keys.length);
  expect(await keyOf({ id: 'a b' })).toBe(keys[1]);
});

test('a body with too many members is given up without being parsed', async () => {
  const body = Buffer.from(JSON.stringify(Array(JSON_VALUES_MAX + 1).fill(0)));
  expect(await handleFailing({ body })).toMatchObject({ outcome: 'impossible', parsed: [] });
});

import type { PoolClient } from 'pg';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { TransientError } from '../../src/core/errors.ts';
import { JSON_VALUES_MAX } from '../../src/core/json-size.ts';
import { handleMessage } from '../../src/messaging/handle-message.ts';
import { defineHandler, PutOffError } from '../../src/messaging/handler.ts';
import {
  ATTEMPT_HEADER,
  PUT_OFF_HEADER,
  type ReceivedMessage,
} from '../../src/messaging/message.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';

const RECEIVED: ReceivedMessage = {
  id: 'm-1',
  isNew: false,
  queue: 'orders.processing',
  exchange: 'orders',
  routingKey: 'order.created',
  attempt: 1,
  putOffCount: 0,
  replayId: undefined,
  body: Buffer.from('{}'),
  correlationId: undefined,
  traceparent: undefined,
  replyTo: undefined,
};

/** Handles a message with a handler that always fails, and keeps the parameters of every statement. */
async function handleFailing(
  changes: Partial<ReceivedMessage>,
  error: Error = new TransientError('PULSE_ENRICHMENT_UNAVAILABLE', 'No answer.'),
) {
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
      throw error;
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
  const [, job, runAt, , key] = statements.find(([task]) => task === 'relay') ?? [];
  const { headers } = JSON.parse((job as string | undefined) ?? '{}') as {
    headers?: Record<string, unknown>;
  };
  return { outcome, parsed, key, headers, runAt };
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

test('a message that is put off comes back as the same attempt, so often that it is over in about an hour', async () => {
  const putOff = new PutOffError('PULSE_ENRICHMENT_UNAVAILABLE', 'Calls are suspended.');
  const keys = new Set<unknown>();
  let waitedMs = 0;
  let putOffCount = 0;
  for (;;) {
    const { outcome, headers, key, runAt } = await handleFailing(
      { attempt: 2, putOffCount },
      putOff,
    );
    expect(outcome).toBe('retried');
    keys.add(key);
    if (headers?.[ATTEMPT_HEADER] !== 2) {
      expect(headers).toMatchObject({ [ATTEMPT_HEADER]: 3, [PUT_OFF_HEADER]: putOffCount });
      break;
    }
    putOffCount += 1;
    expect(headers[PUT_OFF_HEADER]).toBe(putOffCount);
    waitedMs += (runAt as Date).getTime() - Date.now();
  }
  expect(keys.size).toBe(putOffCount + 1);
  expect(waitedMs / 60_000).toBeGreaterThan(55);
  expect(waitedMs / 60_000).toBeLessThan(75);
  const last = await handleFailing({ attempt: 5, putOffCount }, putOff);
  expect(last.outcome).toBe('exhausted');
});

test('a body with too many members is given up without being parsed', async () => {
  const body = Buffer.from(JSON.stringify(Array(JSON_VALUES_MAX + 1).fill(0)));
  expect(await handleFailing({ body })).toMatchObject({ outcome: 'impossible', parsed: [] });
});

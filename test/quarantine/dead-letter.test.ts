import { describe, expect, test } from 'vitest';
import { toDeadLetterPublication } from '../../src/contract/dead-letter.ts';
import { fromDelivery } from '../../src/quarantine/dead-letter.ts';

const body = Buffer.from('{"tenant":""}');

function delivery(properties: Record<string, unknown>, content = body) {
  const fields = { exchange: 'pulses.dead', routingKey: 'key', redelivered: false };
  return { content, fields, properties };
}

/** What ingest publishes, as the quarantine receives it. */
function refusedDelivery(properties: Record<string, unknown>, index?: number) {
  const original = {
    content: body,
    fields: { exchange: 'pulses', routingKey: 'key', redelivered: true },
    properties,
  };
  const rejection = { reason: 'invalid_tenant' as const, detail: 'tenant must not be empty.' };
  const { headers, messageId, timestampSec } = toDeadLetterPublication('pulses.dead', {
    rejection,
    delivery: original,
    body,
    index,
  });
  return delivery({ headers, messageId, timestamp: timestampSec });
}

const DEATH = {
  count: 1,
  reason: 'delivery_limit',
  queue: 'pulses',
  exchange: 'pulses',
  'routing-keys': ['original'],
};

const forgedDeath = (text: string) => ({
  reason: text,
  queue: text,
  exchange: text,
  'routing-keys': [text],
});

const forgedHeaders = (text: string) => ({
  'x-pulse-detail': text,
  'x-pulse-exchange': text,
  'x-pulse-routing-key': text,
});

describe('fromDelivery', () => {
  test.each([
    ['a table that refuses to become a text', { toString: 5, valueOf: 5 }],
    ['a list', [[[[1]]]]],
    ['null', null],
  ])('reads a forged x-death whose texts are %s', (_name, value) => {
    const headers = { 'x-death': [{ reason: value, queue: value, exchange: value }] };
    const row = fromDelivery(delivery({ headers }), 'pulses');
    expect(row).toMatchObject({ reason: 'unknown', body, exchange: null });
    expect(row.detail).toBe('RabbitMQ removed it from queue unknown: unknown.');
  });

  test.each([
    ['x-death', { 'x-death': [{ reason: 'rejected', queue: 'q'.repeat(9_000) }] }],
    ["Pulse's own header", { 'x-pulse-queue': 'q'.repeat(9_000) }],
  ])('cuts a forged queue name in %s to the length of a real one', (_name, headers) => {
    const row = fromDelivery(delivery({ headers, messageId: 'm1' }), 'pulses');
    expect(row).toMatchObject({ queue: 'q'.repeat(255), tenant: null, pulseId: null });
  });

  test.each([
    ['x-death', { 'x-death': [forgedDeath('x'.repeat(9_000))] }],
    ["Pulse's own headers", forgedHeaders('x'.repeat(9_000))],
  ])('cuts forged texts in %s, because a list shows a thousand of them', (_name, headers) => {
    const { detail, exchange, routingKey } = fromDelivery(delivery({ headers }), 'pulses');
    expect(detail).toHaveLength(500);
    expect([exchange, routingKey]).toEqual(['x'.repeat(255), 'x'.repeat(255)]);
  });

  test('cuts a forged queue name by bytes, so that a replay can send it', () => {
    const headers = { 'x-pulse-queue': '\0'.repeat(255) };
    // Each NUL becomes a character of three bytes.
    expect(fromDelivery(delivery({ headers }), 'pulses').queue).toBe('\ufffd'.repeat(85));
  });

  test('reads what ingest wrote', () => {
    const sent = refusedDelivery({ messageId: 'm1', timestamp: 1_700_000_000 }, 2);
    const row = fromDelivery(sent, 'pulses');
    expect(row).toMatchObject({
      id: (sent.properties as { headers: Record<string, unknown> }).headers[
        'x-pulse-dead-letter-id'
      ],
      reason: 'invalid_tenant',
      detail: 'tenant must not be empty.',
      body,
      messageId: 'm1',
      pulseIndex: 2,
      pulseId: 'm1#2',
      exchange: 'pulses',
      routingKey: 'key',
      redelivered: true,
    });
    expect(JSON.parse(row.headersJson)).toMatchObject({ timestampSec: 1_700_000_000 });
  });

  test('recognises a delivery that the broker dead-lettered, whatever its other headers are', () => {
    const headers = { 'x-death': [DEATH], 'x-pulse-reason': 'invalid_tenant' };
    const row = fromDelivery(delivery({ headers, messageId: 'm1' }), 'pulses');
    expect(row).toMatchObject({
      reason: 'delivery_limit',
      exchange: 'pulses',
      routingKey: 'original',
      redelivered: true,
    });
    expect(row.detail).toContain('Queue pulses');
    expect(fromDelivery(delivery({ headers, messageId: 'm1' }), 'pulses').id).toBe(row.id);
  });

  test('makes two rows of a message that the broker gave up in two queues of the chain', () => {
    const rowIn = (queue: string) => {
      const headers = { 'x-death': [{ ...DEATH, queue }] };
      return fromDelivery(delivery({ headers, messageId: 'm1' }), 'pulses');
    };
    expect(rowIn('orders.processing')).toMatchObject({ queue: 'orders.processing', pulseId: null });
    expect(rowIn('pulses')).toMatchObject({ queue: null, pulseId: 'm1' });
    expect(rowIn('orders.processing').id).toBe(rowIn('orders.processing').id);
    expect(rowIn('orders.processing').id).not.toBe(rowIn('orders.enrichment').id);
  });

  test('has reason unknown for any other x-death, with a detail that names it', () => {
    const headers = { 'x-death': [{ ...DEATH, reason: 'expired' }] };
    expect(fromDelivery(delivery({ headers }), 'pulses')).toMatchObject({
      reason: 'unknown',
      detail: 'RabbitMQ removed it from queue pulses: expired.',
    });
  });

  test.each([
    {},
    { headers: { 'x-pulse-dead-letter-id': 'no uuid', 'x-pulse-reason': 'made up' } },
    { headers: { 'x-pulse-index': -1, 'x-death': 'garbage' }, messageId: 7 },
    { headers: { 'x-death': [null] } },
  ])('keeps what somebody else published: %j', (properties) => {
    const row = fromDelivery(delivery(properties), 'pulses');
    expect(row.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(row).toMatchObject({ reason: 'unknown', body, messageId: null, pulseIndex: null });
  });

  test('replaces what Postgres refuses in texts', () => {
    const headers = { 'a\u0000': 'b\u0000', bytes: Buffer.from([0]), nan: NaN };
    const row = fromDelivery(delivery({ headers, messageId: 'm\u0000\ud800' }), 'pulses');
    expect(row.messageId).toBe('m\ufffd\ufffd');
    expect(JSON.parse(row.headersJson)).toEqual({
      messageId: 'm\ufffd\ufffd',
      // A replay must have exactly this id, NUL included.
      messageIdBase64: Buffer.from('m\u0000\ufffd').toString('base64'),
      headers: { 'a\ufffd': 'b\ufffd', bytes: { base64: 'AA==' }, nan: 'NaN' },
    });
  });

  test('finds the replay that sent it, whether ingest refused it or the broker dead-lettered it', () => {
    const replayId = '7f0f2f4e-4d3c-4b2a-9a46-0a7bb3a3c0ff';
    const headers = { 'pulse-replay-id': replayId };
    expect(fromDelivery(refusedDelivery({ headers }), 'pulses').replayId).toBe(replayId);
    expect(
      fromDelivery(delivery({ headers: { ...headers, 'x-death': [DEATH] } }), 'pulses'),
    ).toMatchObject({
      reason: 'delivery_limit',
      replayId,
    });
    expect(
      fromDelivery(delivery({ headers: { 'pulse-replay-id': 'none' } }), 'pulses').replayId,
    ).toBeNull();
    expect(fromDelivery(delivery({}), 'pulses').replayId).toBeNull();
  });
});

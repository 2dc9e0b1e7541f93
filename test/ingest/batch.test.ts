import { describe, expect, test } from 'vitest';
import { createBatchOpener } from '../../src/ingest/batch.ts';
import { sentPulse } from '../support/pulses.ts';
import { BODY_LIMITS } from '../contract/body-outcomes.ts';
import { deliveryOf } from './delivery.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 4, 10);

function batchOf(
  deliveries: readonly Parameters<typeof deliveryOf>[],
  batchSize = 100,
  shards = 1,
) {
  const batch = createBatchOpener({
    batchSize,
    shards,
    dedupeSecret: 'secret',
    limits: BODY_LIMITS,
  })();
  for (const [body, given] of deliveries) batch.add(deliveryOf(body, given), NOW_MS);
  return batch;
}

const messageIdOf = ({ properties }: { properties: object }) =>
  (properties as { messageId?: string }).messageId;
const pulses = (count: number) => Array.from({ length: count }, () => sentPulse());

describe('Batch', () => {
  test('every pulse is either folded or rejected', () => {
    const batch = batchOf([
      [sentPulse()],
      ['not json'],
      [[sentPulse(), sentPulse({ tenant: '' }), sentPulse()]],
      [[]],
    ]);
    const folded = [...batch.parts.values()].reduce((sum, { entry }) => sum + entry.pulseCount, 0);
    expect(folded).toBe(3);
    expect(batch.rejected.map(({ rejection }) => rejection.reason)).toEqual([
      'malformed_json',
      'invalid_tenant',
      'empty_array',
    ]);
    expect(batch.pulseCount).toBe(6);
    expect(batch.deliveries.count).toBe(4);
  });

  test('a rejected pulse has its own delivery, position and text', () => {
    const batch = batchOf([
      [sentPulse(), { messageId: 'm1' }],
      [`[${JSON.stringify(sentPulse())}, {"tenant" : 1}]`, { messageId: 'm2' }],
      ['oops', { messageId: 'm3' }],
    ]);
    expect(
      batch.rejected.map(({ delivery, index, body }) => [
        messageIdOf(delivery),
        index,
        body.toString(),
      ]),
    ).toEqual([
      ['m2', 1, '{"tenant" : 1}'],
      ['m3', undefined, 'oops'],
    ]);
  });

  test('a rejected pulse keeps nothing of its batch but its own bytes', () => {
    const batch = batchOf([
      ['oops', { messageId: 'm1' }],
      [`[${JSON.stringify(sentPulse())}, {"tenant":1}]`],
    ]);
    const late = batch.reject({ deliveryIndex: 1, index: 0 }, batch.rejected[0]!.rejection);
    const whole = batch.reject({ deliveryIndex: 0, index: undefined }, late.rejection);
    const bodies = batch.deliveries.at(0)?.content.buffer;
    for (const { delivery, body } of [...batch.rejected, late, whole]) {
      expect(Object.keys(delivery).sort()).toEqual(['fields', 'properties']);
      expect(body.buffer).not.toBe(bodies);
    }
    expect(whole.body.toString()).toBe('oops');
    expect(batch.deliveries.at(2)).toBeUndefined();
  });

  test('lists every delivery to acknowledge, in the order of arrival', () => {
    expect(batchOf([]).deliveryTags).toEqual([]);
    const batch = batchOf([
      [sentPulse(), { tag: 4 }],
      ['bad', { tag: 5 }],
    ]);
    expect(batch.deliveryTags).toEqual([4, 5]);
    expect(batch.rejected.map(({ deliveryTag }) => deliveryTag)).toEqual([5]);
  });

  test('is full after the maximum of deliveries, good or bad, or of eight times as many pulses in arrays', () => {
    expect(batchOf([[sentPulse()], ['bad']], 3).isFull).toBe(false);
    expect(batchOf([[sentPulse()], ['bad'], ['bad']], 3).isFull).toBe(true);
    expect(batchOf([[pulses(23)]], 3).isFull).toBe(false);
    expect(batchOf([[pulses(24)]], 3).isFull).toBe(true);
  });

  test('is full after the maximum of body bytes', () => {
    const large = Buffer.alloc(8 * 1024 * 1024, ' ');
    expect(batchOf([[large]]).isFull).toBe(false);
    expect(batchOf([[large], [large]]).isFull).toBe(true);
  });

  test('accepts the longest array when it has room for one more pulse', () => {
    const batch = batchOf([[pulses(79)], [pulses(1_000)]], 10);
    expect(batch.pulseCount).toBe(1_079);
    expect(batch.parts.get(0)?.entry.pulseCount).toBe(1_079);
  });

  test('counts redelivered pulses only if they have no id', () => {
    const batch = batchOf([
      [sentPulse(), { redelivered: true }],
      [sentPulse({ id: 'p' }), { redelivered: true }],
      [sentPulse(), { redelivered: true, messageId: 'm' }],
      [sentPulse(), { redelivered: false }],
      [[sentPulse(), sentPulse({ id: 'p' }), sentPulse()], { redelivered: true }],
      ['bad', { redelivered: true }],
    ]);
    expect(batch.redeliveredWithoutId).toBe(3);
  });
});

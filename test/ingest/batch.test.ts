import { describe, expect, test } from 'vitest';
import { createBatchOpener } from '../../src/ingest/batch.ts';
import { sentPulse } from '../support/pulses.ts';
import { BODY_LIMITS } from '../contract/body-outcomes.ts';
import { deliveryOf } from './delivery.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 4, 10);
const OVERFLOW = { reason: 'sum_overflow', detail: 'too much' } as const;

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
    const folded = [...batch.parts.values()].reduce((sum, { fold }) => sum + fold.pulseCount, 0);
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

  test('lists every delivery to acknowledge, in the order of arrival', () => {
    expect(batchOf([]).deliveryTags).toEqual([]);
    const batch = batchOf([
      [sentPulse(), { tag: 4 }],
      ['bad', { tag: 5 }],
    ]);
    expect(batch.deliveryTags).toEqual([4, 5]);
    expect(batch.rejected.map(({ deliveryTag }) => deliveryTag)).toEqual([5]);
  });

  test('is full after the maximum of deliveries, good or bad, or of four times as many pulses in arrays', () => {
    expect(batchOf([[sentPulse()], ['bad']], 3).isFull).toBe(false);
    expect(batchOf([[sentPulse()], ['bad'], ['bad']], 3).isFull).toBe(true);
    expect(batchOf([[pulses(11)]], 3).isFull).toBe(false);
    expect(batchOf([[pulses(12)]], 3).isFull).toBe(true);
  });

  test('is full after the maximum of body bytes', () => {
    const large = Buffer.alloc(8 * 1024 * 1024, ' ');
    expect(batchOf([[large]]).isFull).toBe(false);
    expect(batchOf([[large], [large]]).isFull).toBe(true);
  });

  test('accepts the longest array when it has room for one more pulse', () => {
    const batch = batchOf([[pulses(39)], [pulses(1_000)]], 10);
    expect(batch.pulseCount).toBe(1_039);
    expect(batch.parts.get(0)?.fold.fold().pulseCount).toBe(1_039);
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

  test('finds a pulse that Redis refused by shard and position, with its own text', () => {
    const shards = 4;
    const tenants = Array.from({ length: 40 }, (_, index) => `tenant-${index}`);
    const sent = tenants.map((tenant) => sentPulse({ tenant }));
    const batch = batchOf(
      [
        [sent[0], { messageId: 'm1' }],
        ['bad', { messageId: 'm2' }],
        [
          `[ ${sent
            .slice(1)
            .map((pulse) => JSON.stringify(pulse))
            .join(' , ')} ]`,
          { messageId: 'm3' },
        ],
      ],
      100,
      shards,
    );
    const found = new Set<string>();
    expect(batch.parts.size).toBe(shards);
    for (const part of batch.parts.values()) {
      for (let position = 0; position < part.fold.pulseCount; position++) {
        const { body, index, delivery, rejection } = batch.rejectedByShard(
          part,
          position,
          OVERFLOW,
        );
        const { tenant } = JSON.parse(body.toString()) as { tenant: string };
        expect(rejection).toBe(OVERFLOW);
        expect(messageIdOf(delivery)).toBe(tenant === 'tenant-0' ? 'm1' : 'm3');
        expect(index).toBe(tenant === 'tenant-0' ? undefined : tenants.indexOf(tenant) - 1);
        found.add(tenant);
      }
    }
    expect(found.size).toBe(40);
  });

  test('a position that does not exist is a programming error', () => {
    const batch = batchOf([[sentPulse()]]);
    const part = batch.parts.get(0)!;
    expect(() => batch.rejectedByShard(part, 1, OVERFLOW)).toThrow(RangeError);
  });

  // Searching from the start of the array for each pulse would exceed the test's time limit.
  test('finds a thousand refused pulses of one large array', () => {
    const padding = 'x'.repeat(8_000);
    const sent = Array.from({ length: 1_000 }, (_, index) =>
      sentPulse({ id: `${index}`, padding }),
    );
    const batch = batchOf([[sent]], 1_000);
    for (const [position, pulse] of sent.entries()) {
      const { body } = batch.rejectedByShard(batch.parts.get(0)!, position, OVERFLOW);
      expect(body.equals(Buffer.from(JSON.stringify(pulse)))).toBe(true);
    }
  });
});

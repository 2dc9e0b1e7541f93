import { describe, expect, test } from 'vitest';
import { readEntry } from '../../src/aggregate/read-entry.ts';
import { FatalError, RejectedError, TransientError } from '../../src/core/errors.ts';
import type { Publication } from '../../src/contract/publication.ts';
import { settleBatch } from '../../src/ingest/settle-batch.ts';
import { sentPulse } from '../support/pulses.ts';
import { deliveryOf } from './delivery.ts';
import { batchOf, fakes, openBatch } from './settle-fixture.ts';

const TRANSIENT = new TransientError('PULSE_REDIS_APPLY', 'redis is unavailable');
const FULL = new TransientError('PULSE_JOURNAL_FULL', 'the journal is full');
const UNCONFIRMED = new TransientError('PULSE_PUBLISH_UNCONFIRMED', 'broker is unavailable');

/** Fails with each of `errors` in turn, then succeeds. */
function failing(errors: readonly Error[]): () => Promise<void> {
  const left = [...errors];
  return () => {
    const error = left.shift();
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  };
}

describe('settleBatch', () => {
  test('dead letters are confirmed before any pulse is appended', async () => {
    const { deps, log, published } = fakes();
    await settleBatch(batchOf([sentPulse(), 'bad', [sentPulse({ tenant: '' })]]), deps);
    expect(log).toEqual([
      'folded',
      'publish malformed_json',
      'publish invalid_tenant',
      'confirmed',
      'confirmed',
      'dead-lettered',
      'append 0',
      'applied',
    ]);
    expect(published.map(({ exchange, body }) => [exchange, body.toString()])).toEqual([
      ['pulses.dead', 'bad'],
      ['pulses.dead', JSON.stringify(sentPulse({ tenant: '' }))],
    ]);
  });

  test('every pulse is counted in exactly one of the counts', async () => {
    const { deps } = fakes();
    const bodies = [
      'bad',
      [sentPulse(), sentPulse({ tenant: '' })],
      ...Array.from({ length: 5 }, () => sentPulse()),
    ];
    expect(await settleBatch(batchOf(bodies), deps)).toEqual({
      deliveries: 7,
      batches: 1,
      received: 8,
      appended: 6,
      redeliveredWithoutId: 0,
      deadLettered: { malformed_json: 1, invalid_tenant: 1 },
      unsubscribed: 0,
      unverified: 0,
      unsubscribedUsages: new Map(),
      busySeconds: 0,
      batchPulses: [8],
      applySeconds: [expect.any(Number)],
      ackLagSeconds: [],
    });
  });

  test('each shard gets one entry, with its own pulses', async () => {
    const applied = new Map<number, number>();
    const { deps } = fakes({
      append: (shard, pulseCount, entry) => {
        expect(applied.has(shard)).toBe(false);
        expect(readEntry(entry).pulseCount).toBe(pulseCount);
        applied.set(shard, pulseCount);
        return Promise.resolve();
      },
    });
    const bodies = Array.from({ length: 50 }, (_, index) => sentPulse({ tenant: `t${index}` }));
    const counts = await settleBatch(batchOf(bodies, 3), deps);
    expect([...applied.keys()].sort()).toEqual([0, 1, 2]);
    expect([...applied.values()].reduce((sum, count) => sum + count, 0)).toBe(50);
    expect(counts.appended).toBe(50);
  });

  test('a batch of only bad pulses does not call Redis', async () => {
    const { deps, log } = fakes();
    await settleBatch(batchOf(['bad']), deps);
    expect(log).not.toContain('append 0');
  });
});

describe('when a server is unavailable', () => {
  test('a dead letter is retried with the same id until it is confirmed', async () => {
    const ids: unknown[] = [];
    const fail = failing([UNCONFIRMED, UNCONFIRMED]);
    const { deps, log } = fakes({
      publish: (publication) => {
        ids.push(publication.headers?.['x-pulse-dead-letter-id']);
        return fail();
      },
    });
    await settleBatch(batchOf([sentPulse(), 'bad']), deps);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
    expect(log.indexOf('append 0')).toBeGreaterThan(log.indexOf('confirmed'));
  });

  test('an append is retried with the same bytes', async () => {
    const seen: unknown[] = [];
    const fail = failing([TRANSIENT, TRANSIENT]);
    const { deps } = fakes({
      append: async (_shard, _count, entry) => {
        seen.push(entry);
        await fail();
      },
    });
    expect(await settleBatch(batchOf([sentPulse()]), deps)).toMatchObject({
      appended: 1,
      redeliveredWithoutId: 2,
    });
    expect(seen).toHaveLength(3);
    expect(new Set(seen).size).toBe(1);
  });

  test('the batch fails if Redis stays unavailable', async () => {
    const { deps, log } = fakes({ append: () => Promise.reject(TRANSIENT) });
    const settled = settleBatch(batchOf([sentPulse()]), { ...deps, retryForMs: 60 });
    await expect(settled).rejects.toBe(TRANSIENT);
    expect(log.filter((line) => line === 'append 0').length).toBeGreaterThan(1);
    expect(log).not.toContain('applied');
  });

  test('a batch waits for room in the journal, and nothing of it can have been counted meanwhile', async () => {
    const { deps } = fakes({ append: failing([FULL, FULL, FULL]) });
    const counts = await settleBatch(batchOf([sentPulse()]), { ...deps, retryForMs: 1 });
    expect(counts).toMatchObject({ appended: 1, redeliveredWithoutId: 0 });
  });

  test('closing ends the wait for room', async () => {
    const { deps, stopping } = fakes({ append: () => Promise.reject(FULL) });
    const settled = settleBatch(batchOf([sentPulse()]), { ...deps, retryForMs: 1 });
    stopping.abort();
    await expect(settled).rejects.toMatchObject({ code: 'PULSE_INGEST_CLOSED' });
  });

  test('closing ends the retries quickly', async () => {
    const { deps, stopping } = fakes({ append: () => Promise.reject(TRANSIENT) });
    const settled = settleBatch(batchOf([sentPulse()]), { ...deps, retryForMs: 60_000 });
    stopping.abort();
    await expect(settled).rejects.toMatchObject({ code: 'PULSE_INGEST_CLOSED', retryable: true });
  });
});

describe('an error that is not transient', () => {
  test.each([
    new FatalError('PULSE_REDIS_LIBRARY', 'not ours'),
    new RangeError('a programming error'),
  ])('%s is thrown at once', async (error) => {
    const { deps, log } = fakes({ append: () => Promise.reject(error) });
    await expect(settleBatch(batchOf([sentPulse()]), deps)).rejects.toBe(error);
    expect(log.filter((line) => line === 'append 0')).toHaveLength(1);
  });

  test('a property that cannot be sent does not keep the pulse out of the quarantine', async () => {
    const attempts: Publication[] = [];
    const { deps, published } = fakes({
      publish: (publication) => {
        attempts.push(publication);
        return publication.messageId === undefined
          ? Promise.resolve()
          : Promise.reject(new RejectedError('PULSE_PUBLISH_INVALID', 'cannot be sent'));
      },
    });
    const batch = openBatch();
    batch.add(deliveryOf('bad', { messageId: 'm-1' }), 0);
    await settleBatch(batch, deps);
    expect(published).toHaveLength(1);
    expect(published[0]).toMatchObject({
      exchange: 'pulses.dead',
      body: Buffer.from('bad'),
      headers: {
        'x-pulse-reason': 'malformed_json',
        'x-pulse-dead-letter-id': attempts[0]?.headers?.['x-pulse-dead-letter-id'] as string,
      },
    });
  });
});

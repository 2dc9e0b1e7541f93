import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { TransientError } from '../../src/core/errors.ts';
import type { Batch } from '../../src/ingest/batch.ts';
import type { IngestCounts } from '../../src/ingest/thread-messages.ts';
import { settleBatch } from '../../src/ingest/settle-batch.ts';
import { sentPulse } from '../support/pulses.ts';
import { deliveryOf } from './delivery.ts';
import { batchOf, fakes, openBatch } from './settle-fixture.ts';

describe('while dead letters cannot be published', () => {
  const ALARM = new TransientError('PULSE_RABBIT_BLOCKED', 'memory alarm');

  /** Accepts dead letters only after `off`. */
  function alarm() {
    const state = { on: true };
    return {
      publish: () => (state.on ? Promise.reject(ALARM) : Promise.resolve()),
      off: () => {
        state.on = false;
      },
    };
  }

  type Fakes = Pick<ReturnType<typeof fakes>, 'deps' | 'refused'>;

  async function settle(batch: Batch, { deps, refused }: Fakes): Promise<IngestCounts> {
    const counts = await settleBatch(batch, deps);
    refused.acknowledge(batch.deliveryTags);
    return counts;
  }

  test('the good pulses of the batch are applied and acknowledged, and only the bad delivery is held', async () => {
    const given = fakes({ ...alarm(), confirmWaitMs: 50 });
    const batch = batchOf([
      sentPulse(),
      'bad',
      [sentPulse(), sentPulse({ tenant: '' })],
      sentPulse(),
    ]);
    expect(await settle(batch, given)).toMatchObject({ appended: 3, received: 5 });
    expect(given.log.filter((line) => line.startsWith('ack'))).toEqual(['ack 1', 'ack 4']);
    expect(given.refused.heldCount).toBe(2);
    expect(given.failures).toEqual([]);
    given.stopping.abort();
  });

  test('what is held after the stop keeps no process alive', async () => {
    const setInterval = vi.spyOn(globalThis, 'setInterval');
    onTestFinished(() => {
      setInterval.mockRestore();
    });
    const given = fakes({ ...alarm(), confirmWaitMs: 50 });
    const batch = batchOf([sentPulse(), 'bad']);
    await settleBatch(batch, given.deps);
    given.stopping.abort();
    given.refused.acknowledge(batch.deliveryTags);
    expect(given.refused.heldCount).toBe(1);
    expect(setInterval).not.toHaveBeenCalled();
  });

  test('a held delivery is acknowledged when its dead letters are confirmed, and not before', async () => {
    const broker = alarm();
    const given = fakes({ ...broker, confirmWaitMs: 50 });
    await settle(batchOf([sentPulse(), ['bad', sentPulse({ tenant: '' })]]), given);
    broker.off();
    await given.refused.untilNoneIsHeld(5_000);
    expect(given.published).toHaveLength(2);
    expect(given.log.filter((line) => /^(confirmed|ack)/.test(line))).toEqual([
      ...['ack 1', 'confirmed', 'confirmed', 'ack 2'],
    ]);
    // Later batches are acknowledged together again.
    await settle(batchOf([sentPulse(), 'bad', sentPulse()]), given);
    expect(given.log.at(-1)).toBe('ack ≤ 3');
  });

  test('no acknowledgement of a later batch covers a held delivery', async () => {
    const broker = alarm();
    const given = fakes({ ...broker, confirmWaitMs: 50 });
    await settle(batchOf(['bad']), given);
    const later = openBatch();
    for (const tag of [2, 3]) later.add(deliveryOf(sentPulse(), { tag }), 0);
    await settle(later, given);
    expect(given.log.filter((line) => line.startsWith('ack'))).toEqual(['ack 2', 'ack 3']);
    given.stopping.abort();
  });

  test('only the first batch waits for the confirm', async () => {
    const given = fakes({ publish: () => new Promise(() => undefined), confirmWaitMs: 50 });
    await settle(batchOf(['bad', sentPulse()]), given);
    const { log } = given;
    log.length = 0;
    const settled = settle(batchOf(['bad', sentPulse()]), given);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toContain('append 0');
    await settled;
    given.stopping.abort();
  });

  test('it is full at its limit, and has room again at half of it', async () => {
    const broker = alarm();
    const given = fakes({ ...broker, confirmWaitMs: 50 });
    await settle(batchOf(['bad', 'bad', 'bad', sentPulse()]), given);
    expect(given.refused.isFull).toBe(false);
    const later = openBatch();
    for (const tag of [5, 6]) later.add(deliveryOf('bad', { tag }), 0);
    await settle(later, given);
    expect(given.log.filter((line) => line === 'full')).toHaveLength(1);
    broker.off();
    await given.refused.untilNoneIsHeld(5_000);
    const acknowledged = given.log.slice(0, given.log.indexOf('room') + 1);
    expect(acknowledged.filter((line) => line.startsWith('ack'))).toHaveLength(1 + 3);
    expect(given.refused.isFull).toBe(false);
  });

  test('of many bad pulses in one message, only some are published at a time', async () => {
    let inProgress = 0;
    let mostInProgress = 0;
    const given = fakes({
      confirmWaitMs: 5_000,
      publish: async () => {
        mostInProgress = Math.max(mostInProgress, ++inProgress);
        await new Promise((resolve) => setImmediate(resolve));
        inProgress -= 1;
      },
    });
    await settle(batchOf([Array.from({ length: 1_000 }, () => 'bad')]), given);
    expect(given.published).toHaveLength(1_000);
    expect(mostInProgress).toBe(100);
    expect(given.log.at(-1)).toBe('ack ≤ 1');
  });

  test('what is prefetched beyond twice the limit of memory returns to the queue', async () => {
    const given = fakes({ ...alarm(), confirmWaitMs: 50, heldBytesMax: 10_000 });
    const pulses = Array.from({ length: 20 }, () => 'bad');
    for (const tag of [1, 2, 3, 4]) {
      const batch = openBatch();
      batch.add(deliveryOf(pulses, { tag }), 0);
      await settle(batch, given);
    }
    expect(given.refused.isFull).toBe(true);
    expect(given.log.filter((line) => line.startsWith('return'))).toEqual(['return 4']);
    expect(given.refused.heldCount).toBe(3);
    given.stopping.abort();
  });

  test('a delivery that is held for 20 minutes returns to the queue, before RabbitMQ closes the channel', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    try {
      const given = fakes({ ...alarm(), confirmWaitMs: 50 });
      await settle(batchOf([sentPulse(), 'bad']), given);
      vi.advanceTimersByTime(19 * 60_000);
      expect(given.refused.heldCount).toBe(1);
      vi.advanceTimersByTime(2 * 60_000);
      expect(given.log.at(-1)).toBe('return 2');
      expect(given.refused.heldCount).toBe(0);
      given.stopping.abort();
    } finally {
      vi.useRealTimers();
    }
  });

  test('the 20 minutes include the wait of its batch for room in the journal', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    try {
      const waits = (): Promise<void> => {
        vi.advanceTimersByTime(15 * 60_000);
        return Promise.resolve();
      };
      const given = fakes({ ...alarm(), confirmWaitMs: 50, append: waits });
      await settle(batchOf([sentPulse(), 'bad']), given);
      vi.advanceTimersByTime(4 * 60_000);
      expect(given.refused.heldCount).toBe(1);
      vi.advanceTimersByTime(2 * 60_000);
      expect(given.log.at(-1)).toBe('return 2');
      given.stopping.abort();
    } finally {
      vi.useRealTimers();
    }
  });

  test('a defect in publishing is reported, and the delivery stays unacknowledged', async () => {
    const defect = new RangeError('a programming error');
    const given = fakes({ publish: () => Promise.reject(defect) });
    await settle(batchOf([sentPulse(), 'bad']), given);
    expect(given.failures).toEqual([defect]);
    expect(given.log.filter((line) => line.startsWith('ack'))).toEqual(['ack 1']);
  });
});

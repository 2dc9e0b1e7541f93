import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createBatcher, type Batcher, type BatcherOptions } from '../../src/ingest/batcher.ts';
import { NumberBatch } from './number-batch.ts';

/** A batcher whose batches settle when the test decides. */
function harness({ size = 2, ...options }: Partial<BatcherOptions> & { size?: number } = {}) {
  const settling: { batch: NumberBatch; resolve: () => void; reject: (error: Error) => void }[] =
    [];
  const acknowledged: number[][] = [];
  const failures: unknown[] = [];
  const batcher: Batcher<number> = createBatcher<number, NumberBatch>(
    {
      openBatch: () => new NumberBatch(size),
      settle: (batch) =>
        new Promise((resolve, reject) => {
          settling.push({ batch, resolve, reject });
        }),
      acknowledge: (batch) => acknowledged.push(batch.deliveries),
      onFailure: (error) => failures.push(error),
      now: () => 0,
    },
    { lingerMs: 20, inFlightMax: 2, ...options },
  );
  return { batcher, settling, acknowledged, failures };
}

/** Lets every promise continue that can. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount(), 'timers left behind').toBe(0);
  vi.useRealTimers();
});

describe('collecting deliveries', () => {
  test('a full batch is settled at once, before its linger time is over', () => {
    const { batcher, settling } = harness();
    batcher.add(1);
    expect(settling).toHaveLength(0);
    batcher.add(2);
    expect(settling.map(({ batch }) => batch.deliveries)).toEqual([[1, 2]]);
  });

  test('a batch that does not fill up is settled when its linger time is over', () => {
    const { batcher, settling } = harness({ lingerMs: 20 });
    batcher.add(1);
    vi.advanceTimersByTime(19);
    expect(settling).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(settling.map(({ batch }) => batch.deliveries)).toEqual([[1]]);
  });

  test('the linger time of a batch starts with its own first delivery', () => {
    const { batcher, settling } = harness({ size: 3 });
    batcher.add(1);
    vi.advanceTimersByTime(20);
    batcher.add(2);
    vi.advanceTimersByTime(19);
    batcher.add(3);
    expect(settling).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(settling.map(({ batch }) => batch.deliveries)).toEqual([[1], [2, 3]]);
  });

  test('the number of batches in flight is limited; the next starts when one has settled', async () => {
    const { batcher, settling } = harness();
    for (let delivery = 1; delivery <= 8; delivery++) batcher.add(delivery);
    expect(settling).toHaveLength(2);
    settling[1]?.resolve();
    await turns();
    expect(settling.map(({ batch }) => batch.deliveries)).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    for (const { resolve } of settling) resolve();
    await turns();
    settling[3]?.resolve();
    await turns();
  });

  test('while the limit is reached, a batch takes deliveries beyond its linger time', async () => {
    const { batcher, settling } = harness({ inFlightMax: 1, size: 3 });
    for (const delivery of [1, 2, 3, 4]) batcher.add(delivery);
    vi.advanceTimersByTime(1_000);
    batcher.add(5);
    expect(settling).toHaveLength(1);
    settling[0]?.resolve();
    await turns();
    expect(settling.map(({ batch }) => batch.deliveries)).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  test('a batch that was late does not shorten the linger time of the next', async () => {
    const { batcher, settling } = harness({ inFlightMax: 1, size: 2 });
    batcher.add(1);
    batcher.add(2);
    batcher.add(3);
    vi.advanceTimersByTime(50);
    batcher.add(4);
    batcher.add(5);
    settling[0]?.resolve();
    await turns();
    settling[1]?.resolve();
    await turns();
    expect(settling).toHaveLength(2);
    vi.advanceTimersByTime(20);
    expect(settling.map(({ batch }) => batch.deliveries)).toEqual([[1, 2], [3, 4], [5]]);
  });
});

describe('acknowledging', () => {
  test('nothing is acknowledged before it is settled', async () => {
    const { batcher, settling, acknowledged } = harness();
    batcher.add(1);
    batcher.add(2);
    await turns();
    expect(acknowledged).toEqual([]);
    settling[0]?.resolve();
    await turns();
    expect(acknowledged).toEqual([[1, 2]]);
  });

  test('a batch that settles early waits for the previous one', async () => {
    const { batcher, settling, acknowledged } = harness();
    for (const delivery of [1, 2, 3, 4]) batcher.add(delivery);
    settling[1]?.resolve();
    await turns();
    expect(acknowledged).toEqual([]);
    settling[0]?.resolve();
    await turns();
    expect(acknowledged).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('after a failure nothing more is settled or acknowledged, and it is reported once', async () => {
    const { batcher, settling, acknowledged, failures } = harness();
    for (const delivery of [1, 2, 3, 4, 5, 6]) batcher.add(delivery);
    const failure = new Error('redis is gone');
    settling[0]?.reject(failure);
    await turns();
    settling[1]?.reject(new Error('the second is not told'));
    batcher.add(7);
    vi.advanceTimersByTime(1_000);
    await turns();
    expect(acknowledged).toEqual([]);
    expect(settling).toHaveLength(2);
    expect(failures).toEqual([failure]);
  });

  test('after the failure of a later batch, an earlier one is not acknowledged either', async () => {
    const { batcher, settling, acknowledged, failures } = harness();
    for (const delivery of [1, 2, 3, 4]) batcher.add(delivery);
    settling[1]?.reject(new Error('applied or not'));
    await turns();
    settling[0]?.resolve();
    await turns();
    expect(acknowledged).toEqual([]);
    expect(failures).toHaveLength(1);
  });

  test('a failed acknowledgement is treated like any other failure', async () => {
    const failures: unknown[] = [];
    const batcher = createBatcher<number, NumberBatch>(
      {
        openBatch: () => new NumberBatch(1),
        settle: () => Promise.resolve(),
        acknowledge: () => {
          throw new Error('channel closed');
        },
        onFailure: (error) => failures.push(error),
        now: () => 0,
      },
      { lingerMs: 20, inFlightMax: 2 },
    );
    batcher.add(1);
    batcher.add(2);
    await turns();
    expect(failures).toEqual([new Error('channel closed')]);
    await expect(batcher.drain()).rejects.toThrow('channel closed');
  });
});

describe('drain', () => {
  test('settles and acknowledges everything, including the open batch', async () => {
    const { batcher, settling, acknowledged } = harness({ inFlightMax: 1 });
    for (const delivery of [1, 2, 3, 4, 5]) batcher.add(delivery);
    let drained = false;
    const draining = batcher.drain().then(() => {
      drained = true;
    });
    for (let index = 0; index < 3; index++) {
      await turns();
      expect(drained).toBe(false);
      settling[index]?.resolve();
    }
    await draining;
    expect(acknowledged).toEqual([[1, 2], [3, 4], [5]]);
  });

  test('ends at once when there is nothing', async () => {
    const { batcher } = harness();
    await batcher.drain();
  });

  test('takes no more deliveries', async () => {
    const { batcher, settling } = harness();
    await batcher.drain();
    batcher.add(1);
    batcher.add(2);
    batcher.add(3);
    batcher.abandon();
    expect(settling).toHaveLength(0);
  });

  test('rejects with the failure that stopped it', async () => {
    const { batcher, settling } = harness();
    batcher.add(1);
    const drained = expect(batcher.drain()).rejects.toThrow('redis is gone');
    settling[0]?.reject(new Error('redis is gone'));
    await drained;
  });
});

describe('abandon', () => {
  test('drops what waits, and acknowledges nothing that is in flight', async () => {
    const { batcher, settling, acknowledged, failures } = harness();
    for (const delivery of [1, 2, 3, 4, 5, 6, 7]) batcher.add(delivery);
    batcher.abandon();
    batcher.add(8);
    for (const { resolve } of settling) resolve();
    await turns();
    expect(settling).toHaveLength(2);
    expect(acknowledged).toEqual([]);
    expect(failures).toEqual([]);
  });
});

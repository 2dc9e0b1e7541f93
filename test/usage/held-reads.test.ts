import { describe, expect, test } from 'vitest';
import type { RowFilter } from '../../src/aggregate/accumulator.ts';
import { createHeldReads, type HeldReadsOptions } from '../../src/usage/held-reads.ts';
import type { HeldReading } from '../../src/usage/read-held.ts';

/** Reads that end when the test says so; `started` has the tenant of each, in order. */
function controlledReads(options?: HeldReadsOptions) {
  const started: (string | undefined)[] = [];
  const ends: ((reading: HeldReading) => void)[] = [];
  const reads = createHeldReads((filter: RowFilter) => {
    started.push(filter.tenants?.[0]);
    return new Promise((resolve) => ends.push(resolve));
  }, options);
  const settle = () => new Promise(setImmediate);
  return {
    started,
    read: (caller: string, tenant: string) => reads.read(caller, { tenants: [tenant] }),
    settle,
    end: async () => {
      ends.shift()?.({ books: [], batches: [] });
      await settle();
    },
  };
}

describe('reads of Redis', () => {
  test('run a few at a time, one per caller, in the order of arrival', async () => {
    const { started, read, settle, end } = controlledReads({ runningMax: 2 });
    void read('alice', 'a1');
    void read('alice', 'a2');
    void read('bob', 'b1');
    void read('carol', 'c1');
    await settle();
    expect(started).toEqual(['a1', 'b1']);
    await end();
    expect(started).toEqual(['a1', 'b1', 'a2']);
    await end();
    expect(started).toEqual(['a1', 'b1', 'a2', 'c1']);
  });

  test('with the same filter share the read that waits, never one that has started', async () => {
    const { started, read, settle, end } = controlledReads({ runningMax: 1 });
    void read('alice', 'x');
    await settle();
    const waiting = [read('bob', 'x'), read('carol', 'x'), read('alice', 'x')];
    await end();
    await end();
    await Promise.all(waiting);
    expect(started).toEqual(['x', 'x']);
  });

  test('that fail free their slot', async () => {
    const reads = createHeldReads(() => Promise.reject(new Error('no Redis')), { runningMax: 1 });
    await expect(reads.read('alice', {})).rejects.toThrow('no Redis');
    await expect(reads.read('alice', {})).rejects.toThrow('no Redis');
  });

  test('are refused when too many wait', async () => {
    const options = { runningMax: 1, waitingMaxPerCaller: 1, waitingMax: 2 };
    const { read, settle } = controlledReads(options);
    void read('alice', 'running');
    await settle();
    void read('alice', 'waiting');
    await expect(read('alice', 'another')).rejects.toMatchObject({ ofCaller: true });
    void read('bob', 'waiting too');
    await expect(read('carol', 'one more')).rejects.toMatchObject({ ofCaller: false });
  });
});

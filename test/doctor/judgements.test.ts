import { randomUUID } from 'node:crypto';
import type * as nodeCron from 'node-cron';
import { describe, expect, test, vi } from 'vitest';
import { judgeDeadQueue, judgeParkedQueue, judgeQueue } from '../../src/doctor/check-rabbit.ts';
import { judgeMemory } from '../../src/doctor/check-redis.ts';
import { atLeast } from '../../src/doctor/findings.ts';
import { judgeRewrites } from '../../src/doctor/check-redis-writes.ts';
import { judgeJournal } from '../../src/doctor/check-journal.ts';
import { judgeExports } from '../../src/doctor/check-exports.ts';
import { judgeFlush } from '../../src/doctor/check-flush.ts';
import { judgeMessageQueues, judgeOutbox } from '../../src/doctor/check-messages.ts';
import { checkDisk, judgeDisk, judgeSkew } from '../../src/doctor/check-state.ts';
import type { QueueDepth } from '../../src/platform/topology.ts';

test.each([
  ['3.10.8', '3.10', 'ok'],
  ['3.9.29', '3.10', 'danger'],
  ['4.1.0', '3.10', 'ok'],
  ['15.14 (Debian 15.14-0+deb12u1)', '14.0', 'ok'],
  ['13.22', '14.0', 'danger'],
  ['18beta1', '14.0', 'warning'],
  ['unknown', '7.0', 'warning'],
] as const)('version %s where %s is needed is called %s', (version, oldest, status) => {
  expect(atLeast('a version', version, oldest).status).toBe(status);
});

test.each([
  [0, 'ok'],
  [-1_900, 'ok'],
  [2_100, 'warning'],
  [-59_000, 'warning'],
  [61_000, 'danger'],
  [-3_600_000, 'danger'],
] as const)('a clock that is %i ms off is called %s', (skewMs, status) => {
  const finding = judgeSkew('a clock', skewMs);
  expect(finding.status).toBe(status);
  if (status !== 'ok') expect(finding.detail).toContain('NTP');
});

test.each([
  [0, 0, false, 'ok'],
  [5, 1, false, 'ok'],
  [5, 0, true, 'warning'],
  [5, 0, false, 'danger'],
] as const)(
  '%i pulses, %i consumers, paused %s is called %s',
  (ready, consumers, paused, status) => {
    const depth = { readyCount: ready, consumerCount: consumers };
    expect(judgeQueue(depth, paused).status).toBe(status);
  },
);

test.each([
  [0n, undefined, false, 'ok'],
  [5n, 29, false, 'ok'],
  [5n, 31, true, 'warning'],
  [5n, 31, false, 'danger'],
  // After a jump of the clock that was corrected, or a failover to a slower one.
  [5n, -3_600, true, 'ok'],
  [5n, -3_600, false, 'danger'],
] as const)(
  '%i journalled pulses, the oldest for %s s, and an aggregator %s is called %s',
  (journalled, ageSeconds, isLeased, status) => {
    const nowMs = 1_700_000_000_000;
    const journalSinceMs = ageSeconds === undefined ? null : nowMs - ageSeconds * 1_000;
    const idle = { journalled: 0n, journalSinceMs: null, isLeased: false };
    const finding = judgeJournal([idle, { journalled, journalSinceMs, isLeased }], nowMs);
    expect(finding.status).toBe(status);
    if (status === 'ok') return;
    const age = ageSeconds > 0 ? `the oldest for ${ageSeconds} s` : 'a clock that was ahead';
    expect(finding.detail).toContain(age);
  },
);

test.each([
  // An hourly flush has just sealed what was opened almost an hour ago.
  ['sealed', '10:00:05', '11:00:01', 'ok'],
  ['sealed', '11:02:00', '11:03:00', 'ok'],
  ['sealed', '10:00:05', '11:14:59', 'ok'],
  ['sealed', '10:00:05', '11:15:00', 'danger'],
  ['live', '10:00:05', '11:14:59', 'ok'],
  ['live', '10:00:05', '11:15:00', 'warning'],
  ['live', '11:00:05', '11:59:59', 'ok'],
] as const)('a %s batch opened at %s is at %s called %s', (state, openedAt, now, status) => {
  const at = (time: string) => Date.parse(`2026-03-05T${time}Z`);
  const batch = {
    ...{ batchId: randomUUID(), shard: 0, rowCount: 1, pulseCount: 1n, amount: '1' },
    ...{ windowMinSec: 0, windowMaxSec: 0, openedAtSec: at(openedAt) / 1000 },
  };
  const held = { live: null, sealed: [], [state]: state === 'live' ? batch : [batch] };
  const when = { flushCron: '0 * * * *', nowMs: at(now) };
  expect(judgeFlush([{ live: null, sealed: [] }, held], when).status).toBe(status);
});

const asked = vi.hoisted(() => ({ matchCount: 0 }));
vi.mock('node-cron', async (importOriginal) => {
  const real = await importOriginal<typeof nodeCron>();
  const createTask: typeof real.createTask = (...args) => {
    const task = real.createTask(...args);
    const match = task.match.bind(task);
    task.match = (date) => {
      asked.matchCount += 1;
      return match(date);
    };
    return task;
  };
  return { ...real, createTask };
});

test.each([
  ['0 0 0 * * *', '2026-03-05T00:00:05Z', '2026-03-06T00:14:59Z', 'ok'],
  ['0 0 0 * * *', '2026-03-05T00:00:05Z', '2026-03-06T00:15:00Z', 'warning'],
  ['*/7 * * * * *', '2026-03-05T10:00:00Z', '2026-03-05T10:15:06Z', 'ok'],
  ['*/7 * * * * *', '2026-03-05T10:00:00Z', '2026-03-05T10:15:07Z', 'warning'],
  ['0 0 * * 1', '2026-03-02T00:00:05Z', '2026-03-09T00:14:59Z', 'ok'],
  ['0 0 L * *', '2026-01-31T00:00:05Z', '2026-02-28T00:14:59Z', 'ok'],
  ['0 0 L * *', '2026-01-31T00:00:05Z', '2026-02-28T00:15:00Z', 'warning'],
  ['0 0 * * 1#5', '2026-03-30T00:00:05Z', '2026-06-29T00:14:59Z', 'ok'],
  ['0 0 1 */3 *', '2026-01-01T00:00:05Z', '2026-04-01T00:14:59Z', 'ok'],
  ['0 0 1 */3 *', '2026-01-01T00:00:05Z', '2026-04-01T00:15:00Z', 'warning'],
  ['0 0 29 2 *', '2024-02-29T00:00:05Z', '2028-02-29T00:14:59Z', 'ok'],
  ['0 0 29 2 *', '2024-02-29T00:00:05Z', '2028-02-29T00:15:00Z', 'warning'],
] as const)(
  'with FLUSH_CRON "%s", a batch opened at %s is at %s called %s, after few steps',
  (flushCron, openedAt, now, status) => {
    const batch = {
      ...{ batchId: randomUUID(), shard: 0, rowCount: 1, pulseCount: 1n, amount: '1' },
      ...{ windowMinSec: 0, windowMaxSec: 0, openedAtSec: Date.parse(openedAt) / 1000 },
    };
    const shards = Array.from({ length: 8 }, () => ({ live: batch, sealed: [] }));
    asked.matchCount = 0;
    expect(judgeFlush(shards, { flushCron, nowMs: Date.parse(now) }).status).toBe(status);
    // Each takes 10 us or more, while all tenants wait.
    expect(asked.matchCount).toBeLessThan(50);
  },
);

test.each([
  [0, 0, 'ok'],
  [1_000, 1, 'ok'],
  [1_001, 1, 'warning'],
  [1, 0, 'danger'],
] as const)(
  '%i dead letters and %i quarantine writers is called %s',
  (ready, consumers, status) => {
    const depth = { readyCount: ready, consumerCount: consumers };
    expect(judgeDeadQueue(depth, 'pulses.dead').status).toBe(status);
  },
);

test('a dead-letter queue that does not exist is called danger', () => {
  const { status, detail } = judgeDeadQueue(undefined, 'pulses.dead');
  expect(status).toBe('danger');
  expect(detail).toContain('"pulses.dead" does not exist');
});

test.each([
  [undefined, 'warning', 'Restart a worker'],
  [0, 'ok', 'none'],
  [1, 'danger', '1 in "pulses.dead.parked"'],
] as const)('%s parked dead letters is called %s', (ready, status, text) => {
  const depth = ready === undefined ? undefined : { readyCount: ready, consumerCount: 0 };
  const names = { deadQueue: 'pulses.dead', parkedQueue: 'pulses.dead.parked' };
  const finding = judgeParkedQueue(depth, names);
  expect(finding.status).toBe(status);
  expect(finding.detail).toContain(text);
});

describe('disks', () => {
  test.each([
    [50, 'ok'],
    [10, 'warning'],
    [2, 'danger'],
  ] as const)('with %i %% free is called %s', (percent, status) => {
    const finding = judgeDisk('a disk', { directory: '/x', freeBytes: percent, totalBytes: 100 });
    expect(finding.status).toBe(status);
  });

  test('are checked on this machine only, and one that cannot be seen is not a danger', async () => {
    const here = () => Promise.resolve('/');
    expect((await checkDisk('a disk', 'redis://127.0.0.1:1', here)).detail).toContain('free at /');
    for (const [url, read] of [
      ['redis://redis.example:1', here],
      ['redis://127.0.0.1:1', () => Promise.resolve('/there/is/no/such/place')],
      ['redis://127.0.0.1:1', () => Promise.reject(new Error('not allowed'))],
      ['redis://127.0.0.1:1', () => Promise.resolve(undefined)],
      ['redis+cluster://127.0.0.1:1,127.0.0.1:2', here],
    ] as const) {
      const finding = await checkDisk('a disk', url, read);
      expect(finding).toMatchObject({
        status: 'ok',
        detail: expect.stringContaining('cannot be seen') as string,
      });
    }
  });
});

test.each([
  [{ used_memory: '80', maxmemory: '100', total_system_memory: '1000' }, 'warning'],
  [{ used_memory: '80', maxmemory: '0', total_system_memory: '1000' }, 'ok'],
  [{ used_memory: '800', maxmemory: '0', total_system_memory: '1000' }, 'warning'],
  [{}, 'ok'],
])('memory %j is called %s', (memory, status) => {
  expect(judgeMemory(new Map(Object.entries(memory))).status).toBe(status);
});

test.each([
  [0, 0, 'ok'],
  [5, 1, 'ok'],
  [5, 0, 'warning'],
] as const)('%i messages and %i consumers is called %s', (ready, consumers, status) => {
  const depth = { readyCount: ready, consumerCount: consumers };
  const [finding] = judgeMessageQueues(new Map([['orders.processing', depth]]));
  expect(finding?.status).toBe(status);
});

test('a queue of messages that is missing is a warning if others exist', () => {
  const statuses = (one: QueueDepth | undefined) =>
    judgeMessageQueues(
      new Map([
        ['one', one],
        ['two', undefined],
      ]),
    ).map(({ status }) => status);
  expect(statuses(undefined)).toEqual(['ok', 'ok']);
  expect(statuses({ readyCount: 0, consumerCount: 1 })).toEqual(['ok', 'warning']);
});

test.each([
  [0, 0, 'ok'],
  [3, 60, 'ok'],
  [3, 61, 'warning'],
] as const)('%i messages that wait in the outbox for %i s is called %s', (due, seconds, status) => {
  const depth = { dueCount: due, oldestSeconds: seconds, delayedCount: 9 };
  expect(judgeOutbox(depth).status).toBe(status);
});

test.each([
  [0, 0, 0, 'ok'],
  [3, 0, 120, 'ok'],
  [3, 0, 121, 'warning'],
  [3, 1, 9_000, 'ok'],
] as const)(
  '%i exports queued and %i running, the oldest for %i s, is called %s',
  (queued, running, oldestSeconds, status) => {
    expect(judgeExports({ queued, running, oldestSeconds }).status).toBe(status);
  },
);

test.each([
  [{ last: 'ok', percentage: '100' }, 'ok', 'shorten'],
  [{ last: undefined, percentage: undefined }, 'ok', 'shorten'],
  [{ last: 'ok', percentage: '0' }, 'warning', 'Set auto-aof-rewrite-percentage 100'],
  [{ last: 'err', percentage: '100' }, 'warning', 'grows until the disk is full'],
])('rewrites of the append-only file: %o is %s', (facts, status, says) => {
  expect(judgeRewrites(facts)).toMatchObject({
    status,
    detail: expect.stringContaining(says) as string,
  });
});

import { expect, test } from 'vitest';
import { problemsOf, type Hidden, type Status } from '../../src/status/status.ts';
import { QUIET } from './fake-status.ts';

const WELL: Hidden = {
  unserved: undefined,
  changeDueSeconds: 0,
  unannouncedSeconds: 0,
  verdict: 'same',
  shards: 1,
  storedShards: '1',
  notPublished: undefined,
  isFlushLate: false,
};
const SUMS = QUIET.sums!;

test.each<[problem: string, found: Partial<Status>, hidden?: Partial<Hidden>]>([
  [
    'RabbitMQ has blocked publishing (low on disk), so no pulse of a producer is taken',
    {},
    { notPublished: 'RabbitMQ has blocked publishing (low on disk)' },
  ],
  [
    'nothing counts the 5 pulses that wait: no worker consumes them',
    { queue: { ready: 5, consumers: 0 } },
  ],
  [
    'nothing puts the 50,000 dead letters into the quarantine: no worker runs',
    { deadQueue: { ready: 50_000, consumers: 0 } },
  ],
  ['Postgres cannot store 1 dead letter', { parkedQueue: { ready: 1, consumers: 0 } }],
  ['pulses have waited for 31 s to be added up', { sums: { ...SUMS, journalSeconds: 31 } }],
  [
    'a flush is overdue: sums have waited for 9000 s',
    { sums: { ...SUMS, unflushedSeconds: 9_000 } },
    { isFlushLate: true },
  ],
  [
    'the books do not balance: do not bill from them until you know why',
    { books: { ...QUIET.books!, drift: 12n, balanced: false } },
  ],
  ['SHARDS is 1, but this installation uses 2', {}, { storedShards: '2' }],
])('a problem: %s', (problem, found, hidden = {}) => {
  expect(problemsOf(QUIET, WELL)).toEqual([]);
  expect(problemsOf({ ...QUIET, ...found }, { ...WELL, ...hidden })).toEqual([problem]);
});

test.each<[what: string, found: Partial<Status>]>([
  [
    'a paused ingest',
    { ingest: { ...QUIET.ingest!, paused: true }, queue: { ready: 5, consumers: 0 } },
  ],
  ['dead letters that a worker stores', { deadQueue: { ready: 5, consumers: 1 } }],
  ['a journal of half a minute', { sums: { ...SUMS, journalSeconds: 30 } }],
  [
    'a server that does not answer',
    { queue: null, deadQueue: null, parkedQueue: null, sums: null },
  ],
])('no problem: %s', (_, found) => {
  expect(problemsOf({ ...QUIET, ...found }, WELL)).toEqual([]);
});

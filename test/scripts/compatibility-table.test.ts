import { expect, test } from 'vitest';

interface Row {
  readonly node: string;
  readonly store: 'redis' | 'valkey';
  readonly results: Readonly<Record<string, { code: number; seconds: number }>>;
  readonly servers: Readonly<Record<string, string>>;
}

// Scripts have no types, because they run before anything is built.
const path = '../../scripts/compatibility-table.js';
const { mergeRow } = (await import(path)) as {
  mergeRow: (page: string, row: Row, today: string) => string;
};

const EMPTY = [
  'Before.',
  '',
  '| Node.js | RabbitMQ | Redis or Valkey | Postgres | demo | test | faults |',
  '| ------- | -------- | --------------- | -------- | ---- | ---- | ------ |',
  '',
  'After.',
  '',
].join('\n');
const SERVERS = { rabbitmq: '4.0.5', redis: '8.0.2', valkey: '8.1.1', postgres: '17.12' };
const PASSED = { code: 0, seconds: 74 };

function rowsOf(page: string): string[] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| 2'))
    .map((line) => line.replace(/ +/g, ' '));
}

test('a result becomes a separate row, and the rest of the page stays', () => {
  const row: Row = {
    node: '24.21.0',
    store: 'valkey',
    results: { demo: PASSED },
    servers: SERVERS,
  };
  const page = mergeRow(EMPTY, row, '2026-11-28');
  expect(rowsOf(page)).toEqual([
    '| 24.21.0 | 4.0.5 | Valkey 8.1.1 | 17.12 | 2026-11-28 (74 s) | - | - |',
  ]);
  expect(page).toMatch(/^Before\.\n\n\|[^]*\|\n\nAfter\.\n$/);
});

test('a result that is not measured again stays, unless it was measured on other versions', () => {
  const row: Row = { node: '24.21.0', store: 'redis', results: { demo: PASSED }, servers: SERVERS };
  const first = mergeRow(EMPTY, row, '2026-11-28');
  const failed: Row = { ...row, results: { test: { code: 1, seconds: 9 } } };
  expect(rowsOf(mergeRow(first, failed, '2026-11-29'))).toEqual([
    '| 24.21.0 | 4.0.5 | Redis 8.0.2 | 17.12 | 2026-11-28 (74 s) | **failed** 2026-11-29 | - |',
  ]);
  const newer: Row = { ...failed, node: '24.22.0' };
  expect(rowsOf(mergeRow(first, newer, '2026-11-29'))).toEqual([
    '| 24.22.0 | 4.0.5 | Redis 8.0.2 | 17.12 | - | **failed** 2026-11-29 | - |',
  ]);
});

test('rows are sorted by Node version and kind of Redis', () => {
  let page = EMPTY;
  for (const [node, store] of [
    ['24.21.0', 'valkey'],
    ['20.20.2', 'redis'],
    ['24.21.0', 'redis'],
  ] as const) {
    page = mergeRow(
      page,
      { node, store, results: { demo: PASSED }, servers: SERVERS },
      '2026-11-28',
    );
  }
  expect(rowsOf(page).map((line) => line.split(' | ').slice(0, 3).join())).toEqual([
    '| 20.20.2,4.0.5,Redis 8.0.2',
    '| 24.21.0,4.0.5,Redis 8.0.2',
    '| 24.21.0,4.0.5,Valkey 8.1.1',
  ]);
});

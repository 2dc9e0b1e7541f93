import { expect, test } from 'vitest';
import type { AdmissionRow } from '../../src/contract/admission.ts';
import { AdmissionSnapshot } from '../../src/ingest/admission-snapshot.ts';

const ROW: AdmissionRow = {
  id: 'one',
  tenant: 'acme',
  sku: 'vm',
  intervals: [10, 20, 30, Infinity],
};

test('what was read again unchanged is not passed on', () => {
  const snapshot = new AdmissionSnapshot();
  expect(snapshot.apply([ROW])).toEqual([ROW]);
  expect(snapshot.apply([{ ...ROW, intervals: [...ROW.intervals] }])).toEqual([]);
  const changes = [{ tenant: 'other' }, { sku: null }, { intervals: [10, 20] }, { tenant: null }];
  for (const change of changes) {
    expect(snapshot.apply([{ ...ROW, ...change }])).toEqual([{ ...ROW, ...change }]);
  }
});

test('a row that admits nothing is passed on only if it did before', () => {
  const snapshot = new AdmissionSnapshot();
  expect(snapshot.apply([{ ...ROW, intervals: [] }])).toEqual([]);
  snapshot.apply([ROW]);
  expect(snapshot.apply([{ ...ROW, intervals: [] }])).toHaveLength(1);
  expect(snapshot.rows).toEqual([]);
});

test('what is not among all rows is forgotten, and passed on as changed', () => {
  const snapshot = new AdmissionSnapshot();
  const [lost, moved, added] = ['lost', 'moved', 'added'].map((id) => ({ ...ROW, id }));
  snapshot.apply([ROW, lost!, moved!]);
  const all = [ROW, { ...moved!, tenant: 'other' }, added!];
  expect(snapshot.replace(all)).toEqual([all[1], added, { ...lost!, intervals: [] }]);
  expect(snapshot.rows.map(({ id }) => id).sort()).toEqual(['added', 'moved', 'one']);
  expect(snapshot.replace(all)).toEqual([]);
});

test('what ended before the oldest pulse is forgotten, and passed on as changed', () => {
  const snapshot = new AdmissionSnapshot();
  const ended = { ...ROW, id: 'two', intervals: [10, 20] };
  snapshot.apply([ROW, ended]);
  expect(snapshot.forget(20)).toEqual([
    { ...ROW, intervals: [30, Infinity] },
    { ...ended, intervals: [] },
  ]);
  expect(snapshot.rows).toEqual([{ ...ROW, intervals: [30, Infinity] }]);
  expect(snapshot.forget(20)).toEqual([]);
});

import type { Pool } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import {
  checkTimeZones,
  judgeTimeZones,
  readNodeOffsets,
  type OffsetChange,
} from '../../src/doctor/check-time-zones.ts';
import { isolatedPool } from '../support/isolated.ts';

/** A zone without clock changes in recent years, which all time zone data has under this name. */
const ZONE = 'Asia/Dubai';

let pool: Pool;

beforeAll(async () => {
  const isolated = await isolatedPool();
  ({ pool } = isolated);
  return () => isolated.close();
});

/** A Node that knows one zone. */
function knowing(zone: string, offsets: readonly OffsetChange[]) {
  return (asked: string) => (asked === zone ? [...offsets] : undefined);
}

test('zones on which Postgres and Node agree are not reported', async () => {
  const onlyZone = (asked: string, days: readonly number[]) =>
    asked === ZONE ? readNodeOffsets(asked, days) : undefined;
  expect(await checkTimeZones(pool, onlyZone)).toMatchObject({ status: 'ok' });
});

test('a zone with another offset is a warning that names it and the day', async () => {
  const finding = await checkTimeZones(pool, knowing(ZONE, [[0, 5 * 3600]]));
  expect(finding.status).toBe('warning');
  const aYearAgo = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000 - 365 * 86_400_000);
  const day = aYearAgo.toISOString().slice(0, 10);
  expect(finding.detail).toContain(`${ZONE} (from ${day})`);
  expect(finding.detail).toContain('where Postgres says');
});

test('a clock change that only one of them knows is a warning from that day on', async () => {
  const isSummerHere = knowing(ZONE, [
    [0, 4 * 3600],
    [300, 5 * 3600],
  ]);
  const day = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000 - 65 * 86_400_000);
  expect((await checkTimeZones(pool, isSummerHere)).detail).toContain(
    `${ZONE} (from ${day.toISOString().slice(0, 10)})`,
  );
});

test('many zones are counted, not listed', () => {
  const { detail } = judgeTimeZones(['America/Havana (from 2026-11-01)', 'b', 'c']);
  expect(detail).toContain('America/Havana (from 2026-11-01) and 2 more');
});

test.each([
  [
    'Europe/Berlin',
    ['2024-03-30', '2024-03-31', '2024-04-01', '2024-04-02'],
    [
      [0, 3600],
      [2, 7200],
    ],
  ],
  ['America/St_Johns', ['2024-01-01', '2024-01-02'], [[0, -12_600]]],
  ['UTC', ['2024-01-01'], [[0, 0]]],
] as const)('reads the offsets of %s from Node', (zone, days, offsets) => {
  expect(
    readNodeOffsets(
      zone,
      days.map((day) => Date.parse(day)),
    ),
  ).toEqual(offsets);
});

test('a zone that Node does not know has no offsets', () => {
  expect(readNodeOffsets('Europe/Nowhere', [0])).toBeUndefined();
});

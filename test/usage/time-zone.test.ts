import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { findTimeZone } from '../../src/usage/time-zone.ts';

/** A database that knows some names; it records the names that it is asked for. */
function databaseWith(names: readonly string[]) {
  const asked: string[] = [];
  const query = (_sql: string, [name = '']: readonly string[]) => {
    asked.push(name);
    const error = Object.assign(new Error('time zone not recognized'), { code: '22023' });
    return names.includes(name) ? Promise.resolve({ rows: [] }) : Promise.reject(error);
  };
  return { asked, pool: { query } as unknown as Pick<Pool, 'query'> };
}

test.each([
  ['Europe/Berlin', ['Europe/Berlin'], 'Europe/Berlin'],
  ['US/Pacific-New', ['America/Los_Angeles'], 'America/Los_Angeles'],
  ['US/Eastern', ['America/New_York'], 'America/New_York'],
  ['Asia/Calcutta', ['Asia/Kolkata'], 'Asia/Kolkata'],
  ['Asia/Kolkata', ['Asia/Calcutta'], 'Asia/Calcutta'],
  ['Europe/Kyiv', ['Europe/Kiev'], 'Europe/Kiev'],
  ['Europe/Berlin', [], undefined],
])('%s is found in a database that knows %j', async (tz, names, found) => {
  const { pool } = databaseWith(names);
  expect(await findTimeZone(pool, tz)).toBe(found);
});

test('the database is asked about a name once', async () => {
  const { pool, asked } = databaseWith(['America/New_York']);
  for (let times = 0; times < 3; times++) await findTimeZone(pool, 'US/Eastern');
  for (let times = 0; times < 3; times++) await findTimeZone(pool, 'Asia/Tokyo');
  expect(asked).toEqual(['US/Eastern', 'America/New_York', 'Asia/Tokyo']);
});

test('an error that says nothing about the zone is no answer', async () => {
  const query = () => Promise.reject(new Error('connection lost'));
  const pool = { query } as unknown as Pick<Pool, 'query'>;
  await expect(findTimeZone(pool, 'Asia/Tokyo')).rejects.toThrow('connection lost');
});

import type { Pool, PoolClient } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPool } from '../../src/platform/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { end, openFlush } from './open-flush.ts';

let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  const logger = pino({ level: 'silent' });
  pool = createPool(services.databaseUrl, { name: 'test', logger, connectionCountMax: 20 });
});
afterAll(async () => {
  await pool.end();
  await services.close();
});

describe('the ids of a flush', () => {
  const take = async (count: number, client: Pool | PoolClient = pool): Promise<bigint> => {
    const { rows } = await client.query<{ id: string }>('SELECT take_pulse_ids($1) AS id', [count]);
    return BigInt(rows[0]!.id);
  };

  test('are no other flush’s, and none waits for another’s commit', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => pool.connect()));
    await Promise.all(clients.map((client) => client.query('BEGIN')));
    const taken: [first: bigint, count: number][] = [];
    await Promise.all(
      clients.map(async (client, index) => {
        for (let round = 0; round < 20; round++) {
          const count = 1 + ((index * 7 + round) % 5);
          taken.push([await take(count, client), count]);
        }
      }),
    );
    await Promise.all(clients.map((client) => end(client, 'ROLLBACK')));
    const ids = taken.flatMap(([first, count]) =>
      Array.from({ length: count }, (_, at) => first + BigInt(at)),
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(await take(1)).toBeGreaterThan(ids.reduce((one, other) => (one > other ? one : other)));
  });

  test('are not taken while the rows of an earlier version’s flush take theirs', async () => {
    const earlier = await openFlush(pool, [{ tenant: 'a' }]);
    const state = { isTaken: false };
    const taking = take(3).finally(() => {
      state.isTaken = true;
    });
    await eventually(async () => {
      const waiting = await pool.query(
        "SELECT FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE '%take_pulse_ids%'",
      );
      return waiting.rowCount;
    }).toBe(1);
    expect(state.isTaken).toBe(false);
    await end(earlier);
    const { rows } = await pool.query<{ id: string }>('SELECT max(id) AS id FROM pulses');
    expect(await taking).toBeGreaterThan(BigInt(rows[0]!.id));
  });
});

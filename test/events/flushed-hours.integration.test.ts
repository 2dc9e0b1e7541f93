import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { announceFlushedHours } from '../../src/events/flushed-hours.ts';
import { takeFlushedHours } from '../../src/events/flushed-hours-query.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { useEventsFixture } from './events-fixture.ts';

const fixture = useEventsFixture();
const WAIT = { timeout: 20_000, interval: 50 };
const HOUR = '2026-03-05T10:00:00.000Z';

async function note(tenant: string, hour: string, pulseCount: number): Promise<void> {
  await fixture.pool.query(
    `INSERT INTO flushed_hours (tenant, hour, flush_batch_id, pulse_count) VALUES ($1, $2, $3, $4)`,
    [tenant, hour, randomUUID(), pulseCount],
  );
}

const readWaiting = async () =>
  (await fixture.pool.query<{ tenant: string }>('SELECT tenant FROM flushed_hours')).rows;

describe('a flushed hour', () => {
  test('becomes one event of its customer, with the pulses of all its batches', async () => {
    const { client } = await fixture.make();
    await note(client, HOUR, 3);
    await note(client, HOUR, 4);
    await announceFlushedHours(fixture);
    await expect.poll(async () => (await fixture.messagesOf(client)).length, WAIT).toBe(1);
    const [message] = await fixture.messagesOf(client);
    expect(message).toMatchObject({ producer: 'pulse', type: 'usage.hour_flushed', number: '1' });
    expect(JSON.parse(message!.data)).toEqual({ tenant: client, hour: HOUR, pulse_count: '7' });
    expect(await announceFlushedHours(fixture)).toBe(0);
  });

  test('waits for its end', async () => {
    const { client } = await fixture.make();
    const hour = new Date();
    hour.setUTCMinutes(0, 0, 0);
    await note(client, hour.toISOString(), 1);
    expect(await announceFlushedHours(fixture)).toBe(0);
    expect(await readWaiting()).toEqual([{ tenant: client }]);
    await fixture.pool.query('DELETE FROM flushed_hours');
  });

  test('of a tenant that has no customer any more is dropped', async () => {
    await note(`gone-${randomUUID()}`, HOUR, 1);
    expect(await announceFlushedHours(fixture)).toBe(1);
    expect(await readWaiting()).toEqual([]);
  });

  test('that one process takes, another does not', async () => {
    const { client } = await fixture.make();
    await note(client, HOUR, 1);
    await withTransaction(fixture.pool, async (transaction) => {
      expect((await takeFlushedHours(transaction, 10)).rowCount).toBe(1);
      expect(await announceFlushedHours(fixture)).toBe(0);
    });
  });

  test('stays when the transaction is rolled back', async () => {
    const { client } = await fixture.make();
    await note(client, HOUR, 1);
    const failing = withTransaction(fixture.pool, async (transaction) => {
      await takeFlushedHours(transaction, 10);
      throw new Error('died');
    });
    await expect(failing).rejects.toThrow('died');
    expect(await readWaiting()).toEqual([{ tenant: client }]);
    expect(await announceFlushedHours(fixture)).toBe(1);
    await expect.poll(async () => (await fixture.messagesOf(client)).length, WAIT).toBe(1);
  });
});

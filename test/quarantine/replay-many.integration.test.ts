import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { TransientError } from '../../src/core/errors.ts';
import { insertDeadLetters } from '../../src/quarantine/quarantine-query.ts';
import { fromDelivery } from '../../src/quarantine/dead-letter.ts';
import {
  previewMany,
  replayMany,
  type ReplayManyOptions,
} from '../../src/quarantine/replay-many.ts';
import { sentPulse } from '../support/pulses.ts';
import { ALICE, useQuarantineFixture } from './quarantine-fixture.ts';

const fixture = useQuarantineFixture({ isStarted: false });

/** Dead letters whose sums overflowed and now have room: good pulses, ready to be counted. */
async function quarantine(count: number, reason = 'sum_overflow', body: object = sentPulse()) {
  const letters = Array.from({ length: count }, () =>
    fromDelivery(
      {
        content: Buffer.from(JSON.stringify(body)),
        fields: { exchange: 'pulses.dead', routingKey: 'pulses', redelivered: false },
        properties: {
          messageId: randomUUID(),
          headers: { 'x-pulse-reason': reason, 'x-pulse-detail': 'No room.' },
        },
      },
      'pulses',
    ),
  );
  await insertDeadLetters(fixture.pool, letters);
}

const run = (options: Partial<ReplayManyOptions>) =>
  replayMany(fixture.replay, {
    actor: ALICE,
    filters: { reason: 'sum_overflow' },
    limit: 1_000,
    ratePerSecond: 1_000,
    ...options,
  });

describe('replaying many', () => {
  test('a dry run counts, shows the first, and changes nothing', async () => {
    await quarantine(7);
    await quarantine(2, 'invalid_tenant');
    const preview = await previewMany(fixture.replay, { tenant: 'acme' });
    expect(preview).toMatchObject({ matched: 9, byReason: { sum_overflow: 7, invalid_tenant: 2 } });
    expect(preview.first).toHaveLength(5);
    expect((await previewMany(fixture.replay, { tenant: 'globex' })).matched).toBe(0);
    expect(await fixture.list({ state: 'quarantined' })).toHaveLength(9);
    expect((await fixture.channel.checkQueue(fixture.services.queue)).messageCount).toBe(0);
  });

  test('by reason: each is counted once, others do not change', async () => {
    fixture.startIngest();
    await quarantine(30);
    await quarantine(3, 'invalid_tenant');
    let progress = 0;
    const report = await run({ onProgress: (doneCount) => (progress = doneCount) });
    expect(report).toMatchObject({ replayed: 30, forgotten: 0, end: 'finished', next: null });
    expect(progress).toBe(30);
    await fixture.settled({ counted: 30, duplicates: 0 });
    expect(await run({})).toMatchObject({ replayed: 0, end: 'finished' });
    expect(await fixture.list({ state: 'quarantined' })).toHaveLength(3);
    expect(await fixture.list({ state: 'replayed' })).toHaveLength(30);
  });

  test('no faster than the rate', async () => {
    await quarantine(21);
    const startMs = performance.now();
    expect(await run({ ratePerSecond: 40 })).toMatchObject({ replayed: 21 });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(490);
  });

  test('up to the limit, and continues from there', async () => {
    await quarantine(10);
    const first = await run({ limit: 4 });
    expect(first).toMatchObject({ replayed: 4, end: 'limit' });
    expect(first.next).not.toBeNull();
    const second = await run({ limit: 6, after: first.next! });
    expect(second).toMatchObject({ replayed: 6, end: 'finished', next: null });
  });

  test('by time: what was received in between', async () => {
    await quarantine(3);
    await fixture.pool.query(`UPDATE dead_letters SET received_at = '2026-01-31T13:00:00Z'`);
    await quarantine(2);
    const fromMs = Date.parse('2026-01-31T13:00:00Z');
    const old = { fromMs, toMs: fromMs + 1 };
    expect(await run({ filters: old })).toMatchObject({ replayed: 3, end: 'finished' });
    expect(await fixture.list({ state: 'quarantined' })).toHaveLength(2);
  });

  test('one that is refused again is quarantined again, and not taken twice in one run', async () => {
    fixture.startIngest();
    fixture.startWriter();
    await quarantine(20, 'sum_overflow', sentPulse({ tenant: '' }));
    // Slow enough for the first to come back before the last are taken.
    const report = await run({ ratePerSecond: 20, filters: { fromMs: 0 } });
    expect(report.replayed + report.overtaken).toBe(20);
    const rows = await fixture.waiting(20, { reason: 'invalid_tenant' });
    expect(new Set(rows.map(({ id }) => id)).size).toBe(20);
    expect(await fixture.list()).toHaveLength(20);
    const { rows: started } = await fixture.pool.query<{ count: string }>(
      `SELECT count(*) FROM dead_letter_actions WHERE action = 'replay_started'`,
    );
    expect(started).toEqual([{ count: '20' }]);
  });

  test('ends at the first failure of a server, reports what was done, and can be repeated', async () => {
    await quarantine(10);
    let sent = 0;
    const publish: typeof fixture.replay.publish = async (publication) => {
      if (++sent > 5) throw new TransientError('PULSE_RABBIT_BLOCKED', 'No room.');
      await fixture.replay.publish(publication);
    };
    const options = { actor: ALICE, filters: { reason: 'sum_overflow' }, limit: 100 } as const;
    const deps = { ...fixture.replay, publish };
    const report = await replayMany(deps, { ...options, ratePerSecond: 1_000 });
    expect(report).toMatchObject({ replayed: 5, end: 'failed', next: null });
    expect(report.error).toMatchObject({ code: 'PULSE_RABBIT_BLOCKED' });
    expect(await run({})).toMatchObject({ replayed: 5, end: 'finished' });
    expect((await fixture.channel.checkQueue(fixture.services.queue)).messageCount).toBe(10);
  });

  test('goes on after one whose queue no longer exists, which stays quarantined', async () => {
    await quarantine(5);
    let sent = 0;
    const publish: typeof fixture.replay.publish = (publication) =>
      fixture.replay.publish(
        ++sent === 2 ? { ...publication, exchange: '', routingKey: randomUUID() } : publication,
      );
    const options = { actor: ALICE, filters: { reason: 'sum_overflow' }, limit: 100 } as const;
    const deps = { ...fixture.replay, publish };
    const report = await replayMany(deps, { ...options, ratePerSecond: 1_000 });
    expect(report).toMatchObject({ replayed: 4, unroutable: 1, end: 'finished', next: null });
    expect(await fixture.list({ state: 'quarantined' })).toHaveLength(1);
  });

  test('stops on its signal, or when its time is up', async () => {
    await quarantine(10);
    expect(await run({ signal: AbortSignal.abort() })).toMatchObject({
      replayed: 0,
      end: 'stopped',
    });
    const report = await run({ ratePerSecond: 10, timeoutMs: 250 });
    expect(report.end).toBe('stopped');
    expect(report.replayed).toBeLessThan(5);
    expect(await run({ after: report.next! })).toMatchObject({
      replayed: 10 - report.replayed,
      end: 'finished',
    });
  });

  test('leaves out pulses whose id may be forgotten, and counts them', async () => {
    await quarantine(4);
    await fixture.pool.query(
      `UPDATE dead_letters SET maybe_counted_since = now() - interval '2 hours'
       WHERE id IN (SELECT id FROM dead_letters ORDER BY id LIMIT 3)`,
    );
    expect(await run({})).toMatchObject({ replayed: 1, forgotten: 3 });
    expect(await run({ evenIfForgotten: true })).toMatchObject({ replayed: 3, forgotten: 0 });
  });

  test('over more than one page', async () => {
    await quarantine(1_100);
    expect(await run({ limit: 2_000, ratePerSecond: 10_000 })).toMatchObject({
      replayed: 1_100,
      end: 'finished',
    });
  });
});

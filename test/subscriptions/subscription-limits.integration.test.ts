import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  CHANGES_MAX,
  RECENT_CHANGES_MAX,
  SUBSCRIPTIONS_MAX,
} from '../../src/subscriptions/subscriptions.ts';
import { useSubscriptionsFixture } from './subscriptions-fixture.ts';

const WAIT = { timeout: 20_000, interval: 50 };
const fixture = useSubscriptionsFixture();

test('a customer with too many subscriptions gets no more until some are long canceled', async () => {
  const { id: orderId, customerId } = await fixture.completedOrder([
    { sku: 'ONE-MORE', recurring: true },
  ]);
  const buy = () => fixture.ask('purchased', { user_id: customerId });
  const { subscription: first } = await buy();
  const fill = `INSERT INTO subscriptions (id, user_id, status, applied_number)
    SELECT gen_random_uuid(), $1, 'active', 1 FROM generate_series(2, $2::integer)`;
  await fixture.pool.query(fill, [customerId, SUBSCRIPTIONS_MAX]);
  const refused = { ok: false, code: 'too_many_subscriptions' };
  expect(await buy()).toMatchObject(refused);
  expect(await fixture.ask('canceled', { id: first.id })).toMatchObject({ ok: true });
  expect(await buy()).toMatchObject(refused);
  expect(await fixture.ask('restarted', { id: first.id })).toMatchObject({ ok: true });
  await fixture.ask('canceled', { id: first.id });
  await fixture.announceCompleted(orderId);
  await expect.poll(fixture.takeDeadLetter, WAIT).not.toBe(false);

  await fixture.pool.query(
    `UPDATE subscriptions SET updated_at = now() - interval '36 days' WHERE id = $1`,
    [first.id],
  );
  expect(await buy()).toMatchObject({ ok: true });
  expect(await fixture.ask('restarted', { id: first.id })).toMatchObject(refused);
});

describe('a customer with 20,000 changes within 35 days', () => {
  /** Canceled subscriptions of a customer with the most changes that one may have. */
  const addChanges = (userId: string, { count, ageDays }: { count: number; ageDays: number }) =>
    fixture.pool.query(
      `WITH canceled AS (
         INSERT INTO subscriptions (id, user_id, status, applied_number)
         SELECT gen_random_uuid(), $1, 'canceled', $3 FROM generate_series(1, $2::integer / $3::integer) RETURNING id, user_id)
       INSERT INTO subscription_changes (subscription_id, user_id, number, kind, effective_at, cause, changed_by, changed_at)
       SELECT id, user_id, number, CASE WHEN number = 1 THEN 'purchased' WHEN number % 2 = 0 THEN 'canceled' ELSE 'restarted' END,
         at, 'api', 'test', at
       FROM canceled, generate_series(1, $3::integer) AS number, (SELECT now() - $4 * interval '1 day' AS at) AS made`,
      [userId, count, CHANGES_MAX, ageDays],
    );
  const later = () => new Date(Date.now() + 3_600_000).toISOString();
  const refused = { ok: false, code: 'too_many_changes' };

  test('restarts none, and cancels only at once; older changes do not count', async () => {
    const userId = randomUUID();
    const buy = async () => (await fixture.ask('purchased', { user_id: userId })).subscription.id;
    const [active, canceled] = [await buy(), await buy()];
    await fixture.ask('canceled', { id: canceled });
    await addChanges(userId, { count: RECENT_CHANGES_MAX, ageDays: 36 });
    expect(await fixture.ask('restarted', { id: canceled })).toMatchObject({ ok: true });
    await fixture.ask('canceled', { id: canceled });
    await addChanges(userId, { count: RECENT_CHANGES_MAX, ageDays: 34 });
    const restart = await fixture.ask('restarted', { id: canceled });
    expect(restart).toMatchObject(refused);
    expect(restart.detail).toBe(
      `The subscriptions of customer ${userId} have 20000 changes within 35 days, the most that they may have: ` +
        'they can only be canceled at once.',
    );
    expect(await fixture.ask('canceled', { id: active, effective_at: later() })).toMatchObject(
      refused,
    );
    expect(await fixture.ask('canceled', { id: active })).toMatchObject({ ok: true });
  });

  test('may still purchase, so that a paid order is not refused', async () => {
    const { id: orderId, customerId } = await fixture.completedOrder([
      { sku: randomUUID(), recurring: true },
    ]);
    await addChanges(customerId, { count: RECENT_CHANGES_MAX, ageDays: 1 });
    await fixture.announceCompleted(orderId);
    const bought = () =>
      fixture.pool.query('SELECT FROM subscriptions WHERE order_id = $1', [orderId]);
    await expect.poll(async () => (await bought()).rowCount, WAIT).toBe(1);
  });

  test('counts what takes effect later, however long ago it was asked for, until it is withdrawn', async () => {
    const userId = randomUUID();
    const { subscription } = await fixture.ask('purchased', { user_id: userId });
    await fixture.pool.query(
      `WITH ending AS (
         INSERT INTO subscriptions (id, user_id, status, applied_number, due_at, updated_at)
         SELECT gen_random_uuid(), $1, 'active', 1, now() + interval '1 day', now() - interval '90 days'
         FROM generate_series(1, $2::integer / 20) RETURNING id, user_id)
       INSERT INTO subscription_changes (subscription_id, user_id, number, kind, effective_at, cause, changed_by, changed_at)
       SELECT id, user_id, number, CASE WHEN number % 2 = 0 THEN 'canceled' ELSE 'restarted' END,
         now() + number * interval '12 hours', 'api', 'test', now() - interval '90 days'
       FROM ending, generate_series(2, 21) AS number`,
      [userId, RECENT_CHANGES_MAX],
    );
    const request = { id: subscription.id, effective_at: later() };
    expect(await fixture.ask('canceled', request)).toMatchObject(refused);
    await fixture.pool.query(
      `INSERT INTO subscription_withdrawals (subscription_id, number, withdrawn_by)
       SELECT subscription_id, number, 'test' FROM subscription_changes WHERE user_id = $1 AND number > 20`,
      [userId],
    );
    expect(await fixture.ask('canceled', request)).toMatchObject({ ok: true });
  });
});

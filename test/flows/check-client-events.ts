/** Calls of the TypeScript client about events, on real servers. */
import { expect } from 'vitest';
import type { PulseClient } from '../../clients/typescript/src/pulse-client.ts';
import { eventually } from '../support/eventually.ts';
import { collect } from './client-calls.ts';

const HOUR_MS = 3_600_000;
const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;
const TEXT = expect.any(String) as string;

/** For the customers `c/1`, who has completed and failed orders and changed subscriptions, and `c/2`. */
export async function checkEvents({
  producers,
  eventTypes,
  events,
  messages,
}: PulseClient): Promise<void> {
  const billing = await producers.put('billing', { name: 'Billing' });
  expect(billing).toEqual({
    id: 'billing',
    name: 'Billing',
    created_at: INSTANT,
    updated_at: INSTANT,
  });
  expect(await producers.put('other')).toMatchObject({ id: 'other', name: null });
  expect(await producers.get('billing')).toEqual(billing);
  const first = await producers.page({ limit: 1 });
  expect(first).toEqual({ data: [billing], next: TEXT });
  expect((await producers.page({ after: first.next! })).data).toMatchObject([
    ...[{ id: 'other' }, { id: 'pulse' }],
  ]);
  expect(await collect(producers.all({ limit: 1 }))).toHaveLength(3);

  const schema = { type: 'object', required: ['total'] };
  const paid = await eventTypes.put('invoice.paid', { schema, description: 'Paid.' });
  const head = { name: 'invoice.paid', version: 1, is_breaking: false, created_by: 'admin' };
  expect(paid).toEqual({ ...head, schema, description: 'Paid.', created_at: INSTANT });
  const stricter = { schema: { type: 'object', required: ['total', 'tax'] } };
  await expect(eventTypes.put('invoice.paid', stricter)).rejects.toMatchObject({
    ...{ status: 409, code: 'PULSE_API_EVENT_TYPE_BREAKS' },
  });
  const forced = await eventTypes.put('invoice.paid', stricter, { force: true });
  expect(forced).toMatchObject({ version: 2, is_breaking: true, description: null });
  expect(await eventTypes.get('invoice.paid')).toEqual(forced);
  expect(await eventTypes.get('invoice.paid', 1)).toEqual(paid);
  expect(await eventTypes.versions('invoice.paid', { limit: 1 })).toEqual({
    data: [forced],
    next: 2,
  });
  expect((await eventTypes.versions('invoice.paid', { after: 2 })).data).toEqual([paid]);
  expect((await eventTypes.page({ limit: 1 })).next).toBe('endpoint.disabled');
  expect(await collect(eventTypes.all({ limit: 2 }))).toContainEqual(forced);

  const event = (id: string, data: unknown = { total: 1, tax: 0 }) => ({
    ...{ id, producer: 'billing', type: 'invoice.paid', client: 'c/2', data },
  });
  const at = new Date(Date.now() - HOUR_MS);
  const outcomes = await events.send([{ ...event('one'), timestamp: at }, event('bad', {})]);
  expect(outcomes).toEqual([
    { index: 0, status: 'stored' },
    { index: 1, status: 'rejected', code: 'invalid_data', pointer: '/data', detail: TEXT },
  ]);
  expect(await events.send([event('bad', {})])).toMatchObject([{ status: 'rejected' }]);
  expect(await events.send([event('one'), event('two')])).toMatchObject([
    ...[{ status: 'duplicate' }, { status: 'stored' }],
  ]);
  const one = await messages.get('billing', 'one');
  expect(one).toEqual({
    ...event('one'),
    ...{ type_version: 2, number: 1, timestamp: at.toISOString(), stored_at: INSTANT },
  });
  const two = await messages.get('billing', 'two');
  const names = { client: 'c/2', producer: 'billing', type: 'invoice.paid' };
  const period = { from: at, to: new Date(Date.now() + HOUR_MS) };
  const newest = await messages.page({ ...names, ...period, limit: 1 });
  expect(newest).toEqual({ data: [two], next: TEXT });
  expect((await messages.page({ ...names, after: newest.next! })).data).toEqual([one]);
  expect(await collect(messages.all({ ...names, limit: 1 }))).toEqual([two, one]);
  expect(await collect(messages.pull('c/2', { limit: 1 }))).toEqual([one, two]);
  expect(await collect(messages.pull('c/2', { after: 1 }))).toEqual([two]);

  // What happened to the orders and subscriptions above.
  await eventually(async () => {
    const own = await collect(messages.pull('c/1', { producer: 'pulse' }));
    return new Set(own.map(({ type }) => type));
  }).toEqual(
    new Set([
      ...['order.completed', 'order.failed'],
      ...['subscription.purchased', 'subscription.canceled', 'subscription.restarted'],
    ]),
  );
}

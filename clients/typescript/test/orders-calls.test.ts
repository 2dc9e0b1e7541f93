import { describe, expect, test } from 'vitest';
import {
  createPulseClient,
  OrderUnfinishedError,
  PulseConnectionError,
  type NewOrder,
} from '../src/pulse-client.ts';
import { hangUp, inTurn, reply, serve, type Answer } from './fake-api.ts';

const ORDER: NewOrder = { customer_id: '123', items: [{ sku: 'ABC', qty: 2 }] };
const ACCEPTED = { order_id: '0198c6f8-0000-7000-8000-000000000001', status: 'pending' };
const accept = reply(202, ACCEPTED);
const refuse = (status: number, code: string) => reply(status, { code, detail: 'because', status });
const SOON = { retryDelayMs: 1 };

describe('create', () => {
  test.each<[string, Answer]>([
    ['a connection that breaks', hangUp],
    ['408', refuse(408, 'PULSE_API_REQUEST_TIMEOUT')],
    ['429', refuse(429, 'PULSE_API_TOO_MANY_REQUESTS')],
    ['500', refuse(500, 'PULSE_API_INTERNAL')],
    ['502 with the page of a proxy', reply(502, '<html>')],
    ['503', refuse(503, 'PULSE_API_BUSY')],
    ['409, because an earlier attempt still runs', refuse(409, 'PULSE_API_IDEMPOTENCY_KEY_BUSY')],
  ])('repeats the same request under the same key after %s', async (_name, failure) => {
    const { url, seen } = await serve(inTurn(failure, failure, accept));
    expect(await createPulseClient({ url }).orders.create(ORDER, SOON)).toEqual(ACCEPTED);
    expect(seen).toHaveLength(3);
    expect(seen[0]!.key).toMatch(/^[\da-f-]{36}$/);
    expect(new Set(seen.map(({ key, body }) => `${key} ${body}`)).size).toBe(1);
    expect(JSON.parse(seen[0]!.body)).toEqual(ORDER);
  });

  test('repeats a request that was not answered in time', async () => {
    const { url, seen } = await serve(inTurn(() => undefined, accept));
    const { orders } = createPulseClient({ url, timeoutMs: 200 });
    expect(await orders.create(ORDER, SOON)).toEqual(ACCEPTED);
    expect(seen.map(({ key }) => key)).toEqual([seen[0]!.key, seen[0]!.key]);
  });

  test.each([
    [400, 'PULSE_API_INVALID_REQUEST'],
    [401, 'PULSE_API_UNAUTHENTICATED'],
    [409, 'PULSE_API_OTHER'],
    [422, 'PULSE_API_IDEMPOTENCY_KEY_REUSED'],
  ])('does not repeat what stays refused: %i %s', async (status, code) => {
    const { url, seen } = await serve(refuse(status, code));
    const call = createPulseClient({ url }).orders.create(ORDER, SOON);
    await expect(call).rejects.toMatchObject({ name: 'PulseApiError', status, code });
    expect(seen).toHaveLength(1);
  });

  test('makes another key for each call, and takes the one that it is given', async () => {
    const { url, seen } = await serve(accept);
    const { orders } = createPulseClient({ url });
    await orders.create(ORDER);
    await orders.create(ORDER);
    await orders.create(ORDER, { idempotencyKey: 'purchase-7' });
    expect(new Set(seen.map(({ key }) => key)).size).toBe(3);
    expect(seen[2]!.key).toBe('purchase-7');
  });

  test('sends what it was given, also when the caller changes the order meanwhile', async () => {
    const order = { customer_id: '123', items: [{ sku: 'ABC', qty: 2 }] };
    const changing: Answer = (request, response) => {
      order.items[0]!.qty = 9;
      reply(503, {})(request, response);
    };
    const { url, seen } = await serve(inTurn(changing, accept));
    await createPulseClient({ url }).orders.create(order, SOON);
    expect(seen[1]!.body).toBe(seen[0]!.body);
  });

  test('gives up with the last error when the next attempt would begin too late', async () => {
    const later = reply(503, { code: 'PULSE_API_BUSY', detail: 'later' }, { 'retry-after': '100' });
    const { url, seen } = await serve(inTurn(hangUp, later, accept));
    const { orders } = createPulseClient({ url });
    await expect(orders.create(ORDER, SOON)).rejects.toMatchObject({ code: 'PULSE_API_BUSY' });
    expect(seen).toHaveLength(2);
    const once = await serve(hangUp);
    const call = createPulseClient(once).orders.create(ORDER, { retryForMs: 0 });
    await expect(call).rejects.toBeInstanceOf(PulseConnectionError);
    expect(once.seen).toHaveLength(1);
  });

  test('ends at once when its signal is aborted between two attempts', async () => {
    const stopping = new AbortController();
    const { url, seen } = await serve((request, response) => {
      response.on('close', () => {
        stopping.abort(new Error('enough'));
      });
      reply(503, {})(request, response);
    });
    const options = { retryDelayMs: 1_000_000, retryForMs: 10_000_000, signal: stopping.signal };
    const error: unknown = await createPulseClient({ url })
      .orders.create(ORDER, options)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PulseConnectionError);
    expect(error).toMatchObject({ cause: { message: 'enough' } });
    expect(seen).toHaveLength(1);
  });
});

describe('waitFor', () => {
  const as = (status: string) => reply(200, { id: 'a/b', status });
  const QUICK = { pollIntervalMs: 1 };

  test.each(['completed', 'failed'])('looks until the order is %s', async (status) => {
    const answers = [as('pending'), hangUp, reply(503, {}), as('processing'), as(status)];
    const { url, seen } = await serve(inTurn(...answers));
    expect(await createPulseClient({ url }).orders.waitFor('a/b', QUICK)).toMatchObject({ status });
    expect(seen.map((one) => one.url)).toEqual(answers.map(() => '/api/v1/orders/a%2Fb'));
  });

  test('ends when the order cannot be read', async () => {
    const { url, seen } = await serve(inTurn(as('pending'), refuse(404, 'PULSE_API_NOT_FOUND')));
    const call = createPulseClient({ url }).orders.waitFor('x', QUICK);
    await expect(call).rejects.toMatchObject({ name: 'PulseApiError', status: 404 });
    expect(seen).toHaveLength(2);
  });

  test('ends in time with the order as it was last seen', async () => {
    const processing = await serve(as('processing'));
    const error: unknown = await createPulseClient(processing)
      .orders.waitFor('x', { timeoutMs: 30_000, pollIntervalMs: 60_000 })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OrderUnfinishedError);
    expect(error).toMatchObject({ order: { status: 'processing' } });
    expect((error as Error).message).toContain('Its status is processing.');

    const silent = await serve(() => undefined);
    const call = createPulseClient(silent).orders.waitFor('x', { timeoutMs: 20 });
    await expect(call).rejects.toMatchObject({
      ...{ name: 'OrderUnfinishedError', order: undefined },
      cause: { name: 'PulseConnectionError' },
    });
  });

  test('ends when its signal is aborted', async () => {
    const stopping = new AbortController();
    const { url } = await serve((request, response) => {
      response.on('close', () => {
        stopping.abort();
      });
      as('pending')(request, response);
    });
    const options = { signal: stopping.signal, pollIntervalMs: 1_000_000, timeoutMs: 10_000_000 };
    const call = createPulseClient({ url }).orders.waitFor('x', options);
    await expect(call).rejects.toBeInstanceOf(PulseConnectionError);
  });
});

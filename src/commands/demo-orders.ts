/** The second act of the demo: a catalogue, an order that completes, and one that fails and is replayed. */
import { FatalError } from '../core/errors.ts';
import { sleep } from '../platform/backoff.ts';
import type { DemoApi } from './demo-api.ts';

export interface DemoOrders {
  /** Orders that are completed in the end. */
  readonly completed: number;
  /** Orders that failed at first. */
  readonly failed: number;
  /** Failed orders whose message was replayed, and that are completed now. */
  readonly replayed: number;
  /** What each order came to, in the order of creation. */
  readonly totals: readonly (string | null)[];
}

interface OrderAnswer {
  readonly status: string;
  readonly total_amount: string | null;
}

interface DeadLetterAnswer {
  readonly data: readonly { readonly id: string }[];
}

const CUSTOMER = 'demo-customer';
const KNOWN_SKU = 'demo-object-storage';
const MISSING_SKU = 'demo-support';
/** What the two orders must come to. */
const EXPECTED_TOTALS = ['5', '149'];
const POLL_MS = 50;
const STALLED_MS = 60_000;

/** @param options.queue Where an order without a price fails. @param options.signal Ends the act early. */
export async function orderAll(
  api: DemoApi,
  { queue, signal }: { readonly queue: string; readonly signal: AbortSignal },
): Promise<DemoOrders> {
  await api('PUT', `/customers/${CUSTOMER}`, { name: 'Acme Inc.' });
  await addProduct(api, KNOWN_SKU, '2.5');
  const good = await createOrder(api, { sku: KNOWN_SKU, qty: 2 });
  const bad = await createOrder(api, { sku: MISSING_SKU, qty: 1 });
  const first = await settle(api, good, signal);
  const refused = await settle(api, bad, signal);
  await addProduct(api, MISSING_SKU, '149');
  const { data } = await waitFor(
    () => api<DeadLetterAnswer>('GET', `/dead-letters?state=quarantined&queue=${queue}`),
    (answer) => answer.data.length > 0,
    signal,
  );
  for (const { id } of data) await api('POST', `/dead-letters/${id}/replay`);
  const second = await waitFor(
    () => api<OrderAnswer>('GET', `/orders/${bad}`),
    ({ status }) => status === 'completed',
    signal,
  );
  return {
    completed: [first, second].filter(({ status }) => status === 'completed').length,
    failed: [first, refused].filter(({ status }) => status === 'failed').length,
    replayed: data.length,
    totals: [first, second].map(({ total_amount: total }) => total),
  };
}

/** Whether the orders came to what they had to. */
export function ordersAgree({ completed, failed, replayed, totals }: DemoOrders): boolean {
  return (
    completed === 2 && failed === 1 && replayed === 1 && totals.join() === EXPECTED_TOTALS.join()
  );
}

async function addProduct(api: DemoApi, sku: string, unitAmount: string): Promise<void> {
  await api('PUT', `/products/${sku}`, { name: sku, unit: 'count' });
  await api('POST', `/products/${sku}/prices`, {
    currency: 'USD',
    unit_amount: unitAmount,
    valid_from: '2026-01-01T00:00:00Z',
  });
}

async function createOrder(api: DemoApi, item: { sku: string; qty: number }): Promise<string> {
  const body = { customer_id: CUSTOMER, currency: 'USD', items: [item] };
  return (await api<{ order_id: string }>('POST', '/orders', body)).order_id;
}

function settle(api: DemoApi, id: string, signal: AbortSignal): Promise<OrderAnswer> {
  return waitFor(
    () => api<OrderAnswer>('GET', `/orders/${id}`),
    ({ status }) => status === 'completed' || status === 'failed',
    signal,
  );
}

async function waitFor<Answer>(
  ask: () => Promise<Answer>,
  isDone: (answer: Answer) => boolean,
  signal: AbortSignal,
): Promise<Answer> {
  const startedMs = performance.now();
  for (;;) {
    const answer = await ask();
    if (isDone(answer) || signal.aborted) return answer;
    if (performance.now() - startedMs > STALLED_MS) {
      throw new FatalError('PULSE_DEMO_FAILED', 'An order has stalled.');
    }
    await sleep(POLL_MS, signal);
  }
}

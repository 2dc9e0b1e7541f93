/** Calls about orders. */
import type {
  AcceptedOrder,
  NewOrder,
  Order,
  OrderHead,
  OrdersPage,
  OrdersQuery,
} from './order-types.ts';
import { follow } from './paging.ts';
import { isTemporary, pause, repeat, type RetryOptions } from './retry.ts';
import { withDeadline } from './timers.ts';
import { PulseApiError, type Transport } from './transport.ts';

export interface CreateOrderOptions extends RetryOptions {
  /**
   * 1 to 128 visible ASCII characters. Default: a new UUID for each call. Give your own, such as the id of the
   * purchase, to be able to repeat the call after an error or a crash: for a day, the same key with the same order
   * never makes a second one. With another order it is refused (422).
   */
  readonly idempotencyKey?: string;
}

export interface WaitForOrderOptions {
  /** Default: 60 seconds. */
  readonly timeoutMs?: number;
  /** The pause between two looks. Default: 500. */
  readonly pollIntervalMs?: number;
  /** Ends the waiting: the call then throws PulseConnectionError. */
  readonly signal?: AbortSignal;
}

export interface OrdersCalls {
  /**
   * Creates one order, however often the request has to be repeated: it carries an idempotency key, and is sent again
   * with the same key when there is no answer, and after 408, 429 and any 5xx. Resolves as soon as the order is
   * stored; it is priced and checked afterwards.
   *
   * @throws PulseApiError Refused, such as 400 for a body that is not valid, 404 for a customer of other tenants, 422 for
   * a key that was used for another order; or still failing after `retryForMs`.
   * @throws PulseConnectionError Still no answer after `retryForMs`: the order may exist. Repeat the call with the same
   * `idempotencyKey`.
   */
  create(order: NewOrder, options?: CreateOrderOptions): Promise<AcceptedOrder>;
  /** With items, prices once it is enriched, and history. */
  get(id: string): Promise<Order>;
  /** One page, newest first. */
  page(query?: OrdersQuery): Promise<OrdersPage>;
  /** All of them, page after page, newest first. */
  all(query?: OrdersQuery): AsyncIterableIterator<OrderHead>;
  /**
   * Looks again and again until the order is `completed` or `failed`, and resolves to it. Temporary failures do not end
   * the waiting.
   *
   * @throws OrderUnfinishedError It is neither after `timeoutMs`.
   * @throws PulseApiError The order cannot be read, such as 404.
   */
  waitFor(id: string, options?: WaitForOrderOptions): Promise<Order>;
}

/** The order was neither completed nor failed in time. It goes on; wait again, or look later. */
export class OrderUnfinishedError extends Error {
  /** As it was last seen; undefined if no answer came. */
  readonly order: Order | undefined;

  constructor(message: string, order: Order | undefined, options: ErrorOptions) {
    super(message, options);
    this.name = 'OrderUnfinishedError';
    this.order = order;
  }
}

const WAIT_MS = 60_000;
const POLL_INTERVAL_MS = 500;

export function createOrdersCalls(transport: Transport): OrdersCalls {
  const get = (id: string, signal?: AbortSignal) =>
    transport.request<Order>('GET', `/orders/${encodeURIComponent(id)}`, { signal });
  const page = (query: OrdersQuery = {}) =>
    transport.request<OrdersPage>('GET', '/orders', { query: { ...query } });

  return {
    create(order, { idempotencyKey = crypto.randomUUID(), ...retry } = {}) {
      // A copy: a change of the caller's object would make the next attempt another request under the same key.
      const request = {
        json: structuredClone(order),
        headers: { 'idempotency-key': idempotencyKey },
        signal: retry.signal,
      };
      return repeat(() => transport.request<AcceptedOrder>('POST', '/orders', request), retry);
    },
    get: (id) => get(id),
    page,
    all: (query) => follow(page, query),
    waitFor: (id, options) => waitFor((signal) => get(id, signal), id, options),
  };
}

async function waitFor(
  look: (signal: AbortSignal) => Promise<Order>,
  id: string,
  { timeoutMs = WAIT_MS, pollIntervalMs = POLL_INTERVAL_MS, signal }: WaitForOrderOptions = {},
): Promise<Order> {
  const endMs = performance.now() + timeoutMs;
  let order: Order | undefined;
  let failure: unknown;
  for (;;) {
    let delayMs = pollIntervalMs;
    try {
      order = await withDeadline(endMs - performance.now(), signal, look);
      failure = undefined;
      if (order.status === 'completed' || order.status === 'failed') return order;
    } catch (error) {
      if (!isTemporary(error) || signal?.aborted === true) throw error;
      failure = error;
      if (error instanceof PulseApiError) delayMs = Math.max(delayMs, error.retryAfterMs ?? 0);
    }
    if (performance.now() + delayMs >= endMs) {
      const status = order?.status ?? 'unknown';
      const message = `Order ${id} is not finished after ${timeoutMs} ms. Its status is ${status}.`;
      throw new OrderUnfinishedError(message, order, { cause: failure });
    }
    await pause(delayMs, signal);
  }
}
